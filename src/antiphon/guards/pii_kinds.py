"""Kinds of personal data that have a fixed shape: how each is written, checked, and spoken of.

A shape is written as `9` for a digit, `A` for a letter, `X` for either, each with a count: `A9{7}A`, `9{4,8}`. Separators
are no part of it: a layout says which there may be.
"""

import re
from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from antiphon.guards import pii_europe as europe
from antiphon.guards import pii_nations as nations
from antiphon.guards.pii_checks import Check, card, luhn, mod_11_10


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of number."""

    name: str
    shapes: tuple[str, ...]
    check: Check | None = None
    words: tuple[str, ...] = ()
    """Words before it, in lower case, that speak of it."""
    alone: bool = False
    """It counts without such a word."""
    alone_as: str = ""
    """It counts without such a word in this layout."""
    layout: str = ""
    """Only so may it be written; empty: groups apart by one space or hyphen, the same throughout."""
    score: float = 0.9

    @property
    def country(self) -> str:
        """Two letters; empty: none."""
        head, _, _ = self.name.partition("_")
        return head if len(head) == 2 else ""


_PART = re.compile(r"([9AX])(?:\{(\d+)(?:,(\d+))?\})?|(.)")


def shapes_of(written: str) -> Iterator[str]:
    """All shapes of `9` and `A` that a written one stands for."""
    choices: list[list[str]] = []
    for symbol, low, high, literal in _PART.findall(written):
        if literal:
            raise ValueError(f"{written}: {literal!r} is no part of a shape")
        counts = range(int(low or 1), int(high or low or 1) + 1)
        if symbol == "X":
            choices.append(["".join(one) for count in counts for one in product("9A", repeat=count)])
        else:
            choices.append([symbol * count for count in counts])
    return ("".join(one) for one in product(*choices))


def _kind(name: str, shapes: str, check: Check | None = None, words: str = "", **more: object) -> Kind:
    said = tuple(one.strip() for one in words.split(",") if one.strip())
    return Kind(name=name, shapes=tuple(shapes.split()), check=check, words=said, **more)  # type: ignore[arg-type]


_n, _e = nations, europe
_PASSPORT = "passport, passeport, pasaporte, passaporto, reisepass, travel document, pass-nr"
_DRIVER = "driver's license, driver license, drivers license, driving licence, driver's licence, driving license, license number, licence number, dl number, permis de conduire, patente, führerschein, fuehrerschein, licencia de conducir, rijbewijs"
_ACCOUNT = "account number, bank account, account no, account #, acct, kontonummer, checking account, savings account, numero de cuenta, número de cuenta"

KINDS: tuple[Kind, ...] = (
    _kind("payment_card", "9{13,19}", card, "card, visa, mastercard, amex, cc, credit, debit, maestro", alone=True,
          layout=r"[0-9](?:[ -]?[0-9])+", score=1.0),
    _kind("payment_card", "9{12}", card, "card, maestro, debit", layout=r"[0-9](?:[ -]?[0-9])+"),
    _kind("us_ssn", "9{9}", _n.us_ssn, "ssn, social security, ss#, social sec", alone_as=r"\d{3}-\d{2}-\d{4}",
          layout=r"\d{3}([- .]?)\d{2}\1\d{4}"),
    _kind("us_itin", "9{9}", _n.us_itin, "itin, tax id, taxpayer", alone_as=r"\d{3}-\d{2}-\d{4}",
          layout=r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    _kind("us_npi", "9{10}", _n.us_npi, "npi, provider identifier"),
    _kind("us_mbi", "9AX9AX9AA99", _n.us_mbi, "medicare, mbi", alone=True, layout=r"\w{4}(-?)\w{3}\1\w{4}"),
    _kind("us_aba_routing", "9{9}", _n.us_aba, "routing, aba, rtn", layout=r"\d{9}|\d{4}-\d{4}-\d"),
    _kind("us_dea", "AA9{7}", _n.us_dea, "dea", layout=r"\w+"),
    _kind("passport", "A9{8} 9{9}", None, _PASSPORT, layout=r"\w+"),
    _kind("driver_licence", "9{7,9} A9{5,14} AA9{5,8} AA9{6}A AA9{7}A A9{3}9{8}", None, _DRIVER, layout=r"\w+(?:-\w+)*"),
    _kind("bank_account", "9{8,17}", None, _ACCOUNT),
    _kind("ca_sin", "9{9}", _n.ca_sin, "sin, social insurance", layout=r"\d{3}([- ]?)\d{3}\1\d{3}"),
    _kind("au_abn", "9{11}", _n.au_abn, "abn, business number"),
    _kind("au_acn", "9{9}", _n.au_acn, "acn, company number"),
    _kind("au_tfn", "9{9}", _n.au_tfn, "tfn, tax file"),
    _kind("au_medicare", "9{10,11}", _n.au_medicare, "medicare"),
    _kind("uk_nhs", "9{10}", _e.uk_nhs, "nhs, national health", layout=r"\d{3}([- ]?)\d{3}\1\d{4}"),
    _kind("uk_nino", "AA9{6}A", _e.uk_nino, "nino, national insurance", alone=True,
          layout=r"\w\w ?\d\d ?\d\d ?\d\d ?\w"),
    _kind("uk_passport", "AA9{7}", None, _PASSPORT, layout=r"\w+"),
    _kind("uk_driving_licence", "A{5}9{6}AX9AA A{5}9{6}A99AA", _e.uk_driving, _DRIVER, alone=True, layout=r"\w+"),
    _kind("uk_postcode", "A99AA A9{2}9AA AA99AA AA9{2}9AA A9A9AA AA9A9AA AAA9AA", _e.uk_postcode,
          "postcode, post code, postal code", layout=r"\w+ ?\d\w\w"),
    _kind("uk_vehicle", "AA99AAA A9{1,3}AAA", _e.uk_plate, "car reg, registration, number plate, plate, vehicle",
          layout=r"\w+[- ]?\w{3}"),
    _kind("de_tax_id", "9{11}", _e.de_tax_id, "steuer-id, steuer id, idnr, identifikationsnummer, steueridentifikationsnummer, tax id"),
    _kind("de_tax_number", "9{10,11} 9{13}", _e.de_tax_number, "steuernummer, st.-nr, stnr, finanzamt",
          layout=r"\d{10,13}|\d{2,3}/\d{3,4}/\d{4,5}"),
    _kind("de_health_insurance", "A9{9}", _e.de_health, "egk, krankenversicher, versichertennummer, kvnr"),
    _kind("de_social_security", "9{8}A9{3}", _e.de_pension, "rvnr, sozialversicherung, rentenversicherung", alone=True),
    _kind("de_id_card", "AX{8}", _e.de_id_card, "personalausweis, ausweis", layout=r"\w+"),
    _kind("de_passport", "AX{7}9", _e.de_passport, "reisepass, pass-nr, passnummer, passport", layout=r"\w+"),
    _kind("de_driver_licence", "AA9{8}X", None, "führerschein, fuehrerschein", layout=r"\w+"),
    _kind("de_vat", "AA9{9}", _e.de_vat, "ust-id, ust.-id, umsatzsteuer, vat", alone=True,
          layout=r"\w\w[ -]?\d{3}[ -]?\d{3}[ -]?\d{3}"),
    _kind("de_register", "AAA9{1,6}", _e.de_register, "handelsregister", alone=True, layout=r"\w{3} ?\d+"),
    _kind("de_vehicle", "A{2,5}9{1,4} A{2,5}9{1,4}A", None, "kennzeichen, fahrzeug", layout=r"[A-Z]{1,3}([ -])[A-Z]{1,2}[ -]?\d{1,4}[HE]?"),
    _kind("de_postcode", "9{5}", _e.de_postcode, "postleitzahl, plz", layout=r"\d+"),
    _kind("de_lanr", "9{9}", _e.de_lanr, "lanr, arztnummer", layout=r"\d+"),
    _kind("de_bsnr", "9{9}", _e.de_bsnr, "bsnr, betriebsstättennummer", layout=r"\d+"),
    _kind("es_nif", "9{7,8}A", _e.es_nif, "dni, nif", alone=True, layout=r"\d+-?\w"),
    _kind("es_nie", "A9{7,8}A", _e.es_nie, "nie", alone=True, layout=r"\w-?\d+-?\w"),
    _kind("es_passport", "AAA9{6}", None, _PASSPORT, layout=r"\w+"),
    _kind("it_fiscal_code", "A{6}99A99A9{3}A", _e.it_fiscal, "codice fiscale", alone=True, layout=r"\w+"),
    _kind("it_vat", "9{11}", _e.it_vat, "partita iva, p.iva, vat", layout=r"\d+"),
    _kind("it_identity_card", "AA9{7} AA9{5}AA", None, "carta d'identità, carta di identità, identity card", layout=r"\w\w ?\w+"),
    _kind("it_driver_licence", "AA9{7}A A9AX{6}A", _e.it_driver,
          "patente, license, licence", layout=r"\w+"),
    _kind("fr_nir", "9{15} 9{6}A9{8}", _e.fr_nir, "sécurité sociale, nir, insee", alone=True),
    _kind("nl_bsn", "9{9}", _e.nl_bsn, "bsn, burgerservicenummer, sofi"),
    _kind("be_nrn", "9{11}", _e.be_nrn, "rijksregister, registre national, nrn", alone_as=r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d",
          layout=r"\d{11}|\d\d\.\d\d\.\d\d-\d{3}\.\d\d"),
    _kind("pl_pesel", "9{11}", _e.pl_pesel, "pesel", layout=r"\d+"),
    _kind("pl_nip", "9{10}", _e.pl_nip, "nip"),
    _kind("se_personnummer", "9{10} 9{12}", _e.se_person, "personnummer, pnr, personal identity, swedish id",
          alone_as=r"\d{6,8}[-+]\d{4}", layout=r"\d{6}(?:\d\d)?[-+]?\d{4}"),
    _kind("se_organisation", "9{10}", _e.se_company, "organisationsnummer, orgnummer, org.nr", layout=r"\d{6}-?\d{4}"),
    _kind("fi_identity_code", "9{6}A9{3}X 9{9}A 9{10}", _e.fi_hetu, "hetu, henkilötunnus, personal identity",
          alone=True, layout=r"\d{6}[-+A-FU-Y]\d{3}\w"),
    _kind("no_fodselsnummer", "9{11}", _e.no_fnr, "fødselsnummer, personnummer, fnr", layout=r"\d{6} ?\d{5}"),
    _kind("dk_cpr", "9{10}", _e.dk_cpr, "cpr, personnummer", layout=r"\d{6}-?\d{4}"),
    _kind("ch_ahv", "9{13}", _e.ch_ahv, "ahv, avs", alone=True, layout=r"\d{13}|\d{3}\.\d{4}\.\d{4}\.\d\d"),
    _kind("at_svnr", "9{10}", _e.at_svnr, "sozialversicherung, svnr", layout=r"\d{4} ?\d{6}"),
    _kind("pt_nif", "9{9}", _e.pt_nif, "nif, contribuinte"),
    _kind("ie_pps", "9{7}A{1,2}", _e.ie_pps, "pps", layout=r"\w+"),
    _kind("gr_amka", "9{11}", _e.gr_amka, "amka", layout=r"\d+"),
    _kind("ro_cnp", "9{13}", _e.ro_cnp, "cnp", layout=r"\d+"),
    _kind("bg_egn", "9{10}", _e.bg_egn, "egn, егн", layout=r"\d+"),
    _kind("cz_rodne_cislo", "9{10}", _e.cz_rc, "rodné číslo, rodne cislo", alone_as=r"\d{6}/\d{4}", layout=r"\d{6}/?\d{4}"),
    _kind("hr_oib", "9{11}", mod_11_10, "oib", layout=r"\d+"),
    _kind("lt_asmens_kodas", "9{11}", _e.baltic, "asmens kodas", layout=r"\d+"),
    _kind("ee_isikukood", "9{11}", _e.baltic, "isikukood", layout=r"\d+"),
    _kind("br_cpf", "9{11}", _n.br_cpf, "cpf", alone_as=r"\d{3}\.\d{3}\.\d{3}-\d\d", layout=r"\d{11}|\d{3}\.\d{3}\.\d{3}-\d\d"),
    _kind("br_cnpj", "9{14}", _n.br_cnpj, "cnpj", alone_as=r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d",
          layout=r"\d{14}|\d\d\.\d{3}\.\d{3}/\d{4}-\d\d"),
    _kind("ar_cuit", "9{11}", _n.ar_cuit, "cuit, cuil", alone_as=r"\d\d-\d{8}-\d", layout=r"\d\d-?\d{8}-?\d"),
    _kind("cl_rut", "9{8,9} 9{7,8}A", _n.cl_rut, "rut, run", alone_as=r"\d{1,2}\.\d{3}\.\d{3}-\w", layout=r"\d{1,2}\.?\d{3}\.?\d{3}-?\w"),
    _kind("mx_curp", "A{4}9{6}A{6}X9", _n.mx_curp, "curp", alone=True, layout=r"\w+"),
    _kind("mx_rfc", "A{3,4}9{6}X{3}", _n.mx_rfc, "rfc", layout=r"\w+"),
    _kind("in_aadhaar", "9{12}", _n.in_aadhaar, "aadhaar, aadhar, uidai", alone_as=r"\d{4}([ -])\d{4}\1\d{4}",
          layout=r"\d{4}([ :-]?)\d{4}\1\d{4}"),
    _kind("in_pan", "A{5}9{4}A", _n.in_pan, "pan", alone=True, layout=r"\w+"),
    _kind("in_gstin", "99A{5}9{4}AXAX", _n.in_gstin, "gstin, gst", alone=True, layout=r"\w+"),
    _kind("in_voter", "AAA9{7}", None, "voter, epic", layout=r"\w+"),
    _kind("in_passport", "A9{7}", _n.in_passport, _PASSPORT, layout=r"\w+"),
    _kind("in_vehicle", "AA9{1,2}A{1,3}9{4} AA9{4,6}", _n.in_plate, "vehicle, registration, plate", layout=r"\w+(?:[ -]\w+)*"),
    _kind("kr_rrn", "9{13}", _n.kr_person, "rrn, 주민등록", alone_as=r"\d{6}-\d{7}", layout=r"\d{6}-?\d{7}"),
    _kind("kr_frn", "9{13}", _n.kr_foreigner, "frn, 외국인등록", alone_as=r"\d{6}-\d{7}", layout=r"\d{6}-?\d{7}"),
    _kind("kr_brn", "9{10}", _n.kr_company, "brn, 사업자", layout=r"\d{3}-?\d\d-?\d{5}"),
    _kind("kr_driver_licence", "9{12}", _n.kr_driver, "driver, 운전면허", alone_as=r"\d\d-\d\d-\d{6}-\d\d",
          layout=r"\d\d([- ]?)\d\d\1\d{6}\1\d\d"),
    _kind("kr_passport", "A9{3}A9{4} A9{8}", _n.kr_passport, "passport, 여권", layout=r"\w+"),
    _kind("sg_nric", "A9{7}A", _n.sg_nric, "nric, fin", alone=True, layout=r"\w+"),
    _kind("sg_uen", "9{8}A 9{9}A A99AA9{4}A", _n.sg_uen, "uen", layout=r"\w+"),
    _kind("th_tnin", "9{13}", _n.th_person, "เลขประจำตัวประชาชน, thai id", layout=r"\d{13}|\d-\d{4}-\d{5}-\d\d-\d"),
    _kind("my_nric", "9{12}", _n.my_nric, "nric, mykad, ic number", layout=r"\d{6}-?\d\d-?\d{4}"),
    _kind("hk_id", "A{1,2}9{6}X", _n.hk_id, "hkid, hong kong id", layout=r"\w+\(?\w\)?"),
    _kind("tw_id", "A9{9}", _n.tw_id, "taiwan id, 身分證, 身份證", layout=r"\w+"),
    _kind("cn_resident_id", "9{17}X", _n.cn_ric, "身份证, resident id", alone=True, layout=r"\w+"),
    _kind("jp_my_number", "9{12}", _n.jp_number, "my number, マイナンバー, 個人番号"),
    _kind("ph_tin", "9{9} 9{12}", _n.ph_tin, "tin, bir", layout=r"\d{9,12}|\d{3}-\d{3}-\d{3}(?:-\d{3})?"),
    _kind("za_id", "9{13}", _n.za_id, "south african id, rsa id, id number, resident number", layout=r"\d{13}|\d{6} \d{4} \d{3}"),
    _kind("ng_nin", "9{11}", None, "nin, national identification number", layout=r"\d+"),
    _kind("ng_vehicle", "AAA9{3}AA", None, "plate, vehicle, registration", layout=r"\w{3}[- ]?\d{3}\w\w"),
    _kind("tr_national_id", "9{11}", _n.tr_id, "tc kimlik, tckn, kimlik", layout=r"\d+"),
    _kind("tr_vehicle", "99A9{4} 99AA9{3,4} 99AAA9{2,4} 99A9{2,5}", _n.tr_plate, "plaka", layout=r"\d\d ?[A-Z]{1,3} ?\d{2,5}"),
    _kind("il_id", "9{9}", _n.il_id, "israeli id, teudat zehut, תעודת זהות", layout=r"\d+"),
    _kind("ae_emirates_id", "9{15}", _n.ae_id, "emirates id", alone=True, layout=r"784-?\d{4}-?\d{7}-?\d"),
    _kind("sa_national_id", "9{10}", _n.sa_id, "iqama, saudi id", layout=r"\d+"),
    _kind("nz_ird", "9{8,9}", _n.nz_ird, "ird"),
    _kind("imei", "9{15}", luhn, "imei", layout=r"\d+"),
)  # fmt: skip

WRITTEN_OTHERWISE: dict[str, str] = {
    "email": "An address with a domain that has a dot.",
    "phone": "With a country code, brackets, an extension or the North American form; any other grouping near a word that speaks of it.",
    "iban": "Length by country, MOD 97-10.",
    "ip_address": "IPv4 and IPv6.",
    "mac_address": "EUI-48, but for the broadcast address.",
    "crypto_address": "Bitcoin by Base58Check or Bech32, Ethereum.",
    "date_of_birth": "A date near a word that speaks of birth.",
    "url": "Only where `types` names it.",
}
"""Kinds that are no number of one shape."""
ON_REQUEST = frozenset(
    {"url", "uk_postcode", "de_postcode", "uk_vehicle", "de_vehicle", "in_vehicle", "ng_vehicle", "tr_vehicle"}
)
"""Kinds that are looked for only where they are named."""
NAMES: tuple[str, ...] = tuple(dict.fromkeys((*WRITTEN_OTHERWISE, *(kind.name for kind in KINDS))))
"""All kinds."""
