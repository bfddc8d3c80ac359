"""Personal data with a structure: what is found, what is not, and why."""

from itertools import product

import pytest

from antiphon.guards.pii import PiiDetector, kinds_of
from antiphon.guards.pii_kinds import KINDS, NAMES, ON_REQUEST, WRITTEN_OTHERWISE, shapes_of
from antiphon.guards.settings_pii import PiiSettings

ALL = PiiDetector(PiiSettings())


def found(text: str, detector: PiiDetector = ALL) -> list[tuple[str, str]]:
    return [(match.kind, text[match.start : match.end]) for match in detector.find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("write to Ana.Luz+x@mail.example.org.", "email", "Ana.Luz+x@mail.example.org"),
        ("a@xn--d1acufc.xn--p1ai", "email", "a@xn--d1acufc.xn--p1ai"),
        ("pay with 4111 1111 1111 1111 now", "payment_card", "4111 1111 1111 1111"),
        ("pay with 4111-111111111-111 now", "payment_card", "4111-111111111-111"),
        ("371449635398431", "payment_card", "371449635398431"),
        ("GB33BUKB20201555555555", "iban", "GB33BUKB20201555555555"),
        ("IBAN MT84 MALT 0110 0001 2345 MTLC AST0 01S,", "iban", "MT84 MALT 0110 0001 2345 MTLC AST0 01S"),
        ("SSN: 536-32-3065", "us_ssn", "536-32-3065"),
        ("social security 536323065", "us_ssn", "536323065"),
        ("from 86.231.85.193 blocked", "ip_address", "86.231.85.193"),
        ("on [2001:db8::1]:8080", "ip_address", "2001:db8::1"),
        ("fe80::1%eth0", "ip_address", "fe80::1%eth0"),
        ("::ffff:192.0.2.1", "ip_address", "::ffff:192.0.2.1"),
        ("MAC aa:bb:cc:dd:ee:f0", "mac_address", "aa:bb:cc:dd:ee:f0"),
        ("0012.3456.789A", "mac_address", "0012.3456.789A"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "crypto_address", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        ("16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ", "crypto_address", "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ"),
        ("call +49 30 1234567", "phone", "+49 30 1234567"),
        ("(415) 555-0132", "phone", "(415) 555-0132"),
        ("001-748-088-2851x818", "phone", "001-748-088-2851x818"),
        ("You can call 73 448 266", "phone", "73 448 266"),
        ("455 6186 office", "phone", "455 6186"),
        ("我的电话13912345678。", "phone", "13912345678"),
        ("мой телефон 8 912 345 67 89", "phone", "8 912 345 67 89"),
        ("born on May 1st, 1977 in", "date_of_birth", "May 1st, 1977"),
        ("born on 4/29/1972", "date_of_birth", "4/29/1972"),
        ("passport number 912803456", "passport", "912803456"),
        ("my driver's license number is A56319335", "driver_licence", "A56319335"),
        ("bank account 945456787654", "bank_account", "945456787654"),
        ("CPF 529.982.247-25", "br_cpf", "529.982.247-25"),
        ("AHV 756.9217.0769.85", "ch_ahv", "756.9217.0769.85"),
    ],
)  # fmt: skip
def test_it_finds(text, kind, value):
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "pay with 4111 1111 1111 1112 now",  # Luhn
        "GB34BUKB20201555555555",  # MOD 97
        "AL47/2121/1009/0000/0002/3569/8741",
        "000-12-3456",
        "version 1.2.3.4567",
        "std::cout << x; a ? b :: c; a::b; x[1::2]",
        "bound to 127.0.0.1 and ::1",
        "FF:FF:FF:FF:FF:FF",
        "in 2013 the 45 of them",
        "2013-03-14 12:53:39",
        "order 73 448 266",  # no word speaks of a telephone
        "on 4/29/1972 it rained",  # nor of a birth
        "id 912803456",
        "at 10115 Berlin",
        "a@b",
        "http://example.org/1",  # links are asked for
    ],
)
def test_it_leaves_alone(text):
    assert found(text) == []


def test_a_word_of_the_kind_makes_a_weak_shape_count():
    number = "12345678903"
    assert found(number) == []
    assert found(f"Steuer-ID: {number}") == [("de_tax_id", number)]


def test_the_nearest_word_says_what_a_number_is():
    number = "130692544"
    assert found(f"passport or SIN: {number}") == [("ca_sin", number)]
    assert found(f"SIN or passport: {number}") == [("passport", number)]


def test_any_context_takes_shapes_alone_with_a_low_score():
    detector = PiiDetector(PiiSettings(types=["de_tax_id"], context="any"))
    (match,) = detector.find("12345678903")
    assert match.score == 0.3


def test_links_and_postcodes_are_found_where_they_are_asked_for():
    detector = PiiDetector(PiiSettings(types=["url", "uk_postcode"]))
    text = "see https://example.org/a?b=1, postcode SW1A 1AA."
    assert found(text, detector) == [("url", "https://example.org/a?b=1"), ("uk_postcode", "SW1A 1AA")]


def test_countries_narrow_national_numbers_alone():
    detector = PiiDetector(PiiSettings(countries=["DE"]))
    assert found("SSN 536-32-3065, CPF 529.982.247-25, ana@example.org", detector) == [("email", "ana@example.org")]
    assert found("Steuer-ID 12345678903", detector) == [("de_tax_id", "12345678903")]


def test_own_words_speak_of_a_kind():
    detector = PiiDetector(PiiSettings(words={"bank_account": ["giro"]}))
    assert found("Giro 945456787654", detector) == [("bank_account", "945456787654")]


def test_allowed_texts_and_domains_are_no_finding():
    detector = PiiDetector(PiiSettings(allow=["INFO@example.com"], allow_domains=["example.org"]))
    assert found("info@example.com ana@mail.example.org ana@myexample.org", detector) == [
        ("email", "ana@myexample.org")
    ]


def test_settings_name_what_there_is():
    wrong = PiiSettings(types=["emial"], countries=["zz"], words={"nothing": ["x"]}).check()
    assert [path for path, _, _ in wrong] == ["types[0]", "words.nothing", "countries[0]"]
    assert PiiSettings(types=["email"], countries=["de"], words={"email": ["x"]}).check() == []


def test_every_kind_is_on_unless_it_has_to_be_asked_for():
    assert kinds_of(PiiSettings()) == frozenset(NAMES) - ON_REQUEST
    assert {kind.name for kind in KINDS} | set(WRITTEN_OTHERWISE) == set(NAMES)


def test_every_check_stands_every_text_of_its_shapes():
    fills = {"9": "0123456789", "A": "AIOQSUXZ"}
    for kind in KINDS:
        for shape in {shape for written in kind.shapes for shape in shapes_of(written)}:
            for digit, letter in product((0, 1, 5, 9), (0, 3, 7)):
                value = "".join(fills[one][(digit if one == "9" else letter)] for one in shape)
                assert kind.check is None or kind.check(value) in {True, False}


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("us_npi", "1234567893", "1234567894"),
        ("us_aba_routing", "121000358", "121000359"),
        ("us_mbi", "1EG4TE5MK73", "1SG4TE5MK73"),
        ("ca_sin", "130692544", "130692545"),
        ("au_abn", "51824753556", "51824753557"),
        ("au_acn", "005499981", "005499982"),
        ("au_tfn", "876543210", "876543211"),
        ("uk_nhs", "2213951837", "2213951838"),
        ("uk_nino", "PR123612C", "UV987654B"),
        ("de_tax_id", "98765432106", "98765432100"),
        ("de_health_insurance", "A000500015", "A000500016"),
        ("de_social_security", "15070649C103", "15070049C103"),
        ("de_passport", "C01234565", "C01234566"),
        ("de_vat", "DE136695976", "DE136695977"),
        ("de_lanr", "123456601", "234567601"),
        ("es_nif", "12345678Z", "12345678A"),
        ("es_nie", "Z8078221M", "Y8063915Q"),
        ("it_fiscal_code", "AAAAAA00B11C333Y", "AAAAAA00B11C333N"),
        ("fr_nir", "255081416802538", "255081416802539"),
        ("nl_bsn", "111222333", "111222334"),
        ("be_nrn", "93051822361", "93051822362"),
        ("pl_pesel", "44051401458", "44051401459"),
        ("pl_nip", "8567346215", "8567346216"),
        ("se_personnummer", "189110089811", "200504422381"),
        ("fi_identity_code", "010594Y9032", "010594Y9033"),
        ("no_fodselsnummer", "01010750160", "01010750161"),
        ("ch_ahv", "7569217076985", "7569217076986"),
        ("at_svnr", "1237010180", "1247010180"),
        ("pt_nif", "501964843", "501964844"),
        ("ie_pps", "6433435F", "6433435E"),
        ("gr_amka", "01013099997", "01013099998"),
        ("ro_cnp", "1630615123457", "1630615123458"),
        ("bg_egn", "7523169263", "7523169264"),
        ("cz_rodne_cislo", "7103192745", "7103192746"),
        ("lt_asmens_kodas", "37605030299", "37605030298"),
        ("br_cpf", "52998224725", "52998224726"),
        ("br_cnpj", "16727230000197", "16727230000198"),
        ("ar_cuit", "20267565393", "20267565394"),
        ("cl_rut", "760864285", "760864286"),
        ("mx_curp", "HEGG560427MVZRRL04", "HEGG560427MVZRRL05"),
        ("in_aadhaar", "312345678909", "123456789012"),
        ("kr_rrn", "9601211234567", "0013321234567"),
        ("kr_brn", "1048656659", "1048656658"),
        ("sg_nric", "S2740116C", "S2740116D"),
        ("th_tnin", "1234567890121", "1234567890122"),
        ("hk_id", "G123456A", "G1234563"),
        ("tw_id", "A123456789", "A123456788"),
        ("cn_resident_id", "11010519491231002X", "110105194912310021"),
        ("jp_my_number", "123456789018", "123456789019"),
        ("ph_tin", "000123456000", "000123457000"),
        ("za_id", "8001015000086", "8001015000076"),
        ("tr_national_id", "10000000146", "10000000147"),
        ("ae_emirates_id", "784198012345678", "784198012345677"),
        ("nz_ird", "49091850", "49091851"),
    ],
)
def test_check_digits(kind, right, wrong):
    checks = [one.check for one in KINDS if one.name == kind]
    assert any(check is not None and check(right) for check in checks)
    assert not any(check is not None and check(wrong) for check in checks)


def test_time_grows_with_the_text_alone():
    """Each is a hundred times what a unit may be: a pattern that tries all ways would not come to an end."""
    for text in ("1 ", "1-", "a1@", "(1", "1.", "f:", "9 A", "+", "12)"):
        assert ALL.find(text * 5000) is not None
