"""Languages and scripts."""

import pytest
from asking import fact_of, value_of

TEXTS = {
    "en": "Please tell me where the next station is and how long it takes to walk there.",
    "de": "Bitte sag mir, wo der nächste Bahnhof ist und wie lange man zu Fuß braucht.",
    "fr": "Dites-moi s'il vous plaît où se trouve la prochaine gare et combien de temps il faut.",
    "es": "Por favor, dime dónde está la próxima estación y cuánto se tarda en llegar a pie.",
    "it": "Per favore dimmi dove si trova la prossima stazione e quanto ci vuole a piedi.",
    "pt": "Por favor, diga-me onde fica a próxima estação e quanto tempo leva para chegar lá.",
    "nl": "Kunt u mij vertellen waar het volgende station is en hoe lang het lopen is?",
    "sv": "Kan du berätta för mig var nästa station ligger och hur lång tid det tar att gå?",
    "pl": "Proszę powiedzieć mi, gdzie jest najbliższa stacja i ile czasu zajmuje dojście.",
    "cs": "Řekněte mi prosím, kde je nejbližší nádraží a jak dlouho se tam jde pěšky.",
    "tr": "Lütfen bana en yakın istasyonun nerede olduğunu ve yürümenin ne kadar sürdüğünü söyle.",
    "fi": "Voisitko kertoa minulle, missä seuraava asema on ja kuinka kauan sinne kävelee?",
    "hu": "Kérem, mondja meg, hol van a következő állomás, és mennyi ideig tart gyalog odaérni.",
    "vi": "Xin hãy cho tôi biết nhà ga tiếp theo ở đâu và đi bộ mất bao lâu.",
    "id": "Tolong beri tahu saya di mana stasiun berikutnya dan berapa lama berjalan ke sana.",
    "ru": "Пожалуйста, скажите, где следующая станция и сколько туда идти пешком.",
    "uk": "Будь ласка, скажіть, де наступна станція і скільки туди йти пішки.",
    "bg": "Моля, кажете ми къде е следващата гара и колко време се върви пеша.",
    "el": "Πείτε μου παρακαλώ πού είναι ο επόμενος σταθμός και πόση ώρα παίρνει.",
    "ar": "من فضلك أخبرني أين المحطة القادمة وكم من الوقت يستغرق المشي إليها.",
    "fa": "لطفاً به من بگویید ایستگاه بعدی کجاست و چقدر طول می‌کشد که پیاده برویم.",
    "he": "אנא אמור לי היכן התחנה הבאה וכמה זמן לוקח ללכת לשם.",
    "hi": "कृपया मुझे बताएं कि अगला स्टेशन कहाँ है और वहाँ पैदल जाने में कितना समय लगता है।",
    "th": "กรุณาบอกฉันว่าสถานีถัดไปอยู่ที่ไหนและใช้เวลาเดินนานเท่าไร",
    "ko": "다음 역이 어디에 있고 걸어서 얼마나 걸리는지 알려 주세요.",
    "ja": "次の駅はどこにありますか、歩いてどのくらいかかりますか。",
    "zh": "请告诉我下一个车站在哪里，走路需要多长时间。",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    fact = fact_of("text.language", text)
    assert fact.value == language
    assert fact.confidence > 0.6


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "请用 Python 写一个函数 reverse()"),
        ("ja", "Pythonで関数を書いてください"),
        ("ja", "東京大学の入学試験について"),
        ("ko", "API 키를 어떻게 바꾸나요?"),
        ("de", "Was macht dieser Code?\n```\nfor (let i = 0; i < n; i++) { console.log(theValue); }\n```"),
        ("fr", "Ouvre https://example.com/the/page/with/english/words et résume la page en français"),
    ],
)
def test_foreign_words_and_code_in_between_do_not_matter(language: str, text: str) -> None:
    assert value_of("text.language", text) == language


@pytest.mark.parametrize("text", ["", "🎉🎉🎉", "12345", "?!", "\n\n"])
def test_what_has_no_letters_is_in_no_language(text: str) -> None:
    assert value_of("text.language", text) is None
    assert value_of("text.script", text) is None
    assert fact_of("text.script", text).why == "it has no letters"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("latin", "hello"),
        ("latin", "ｈｅｌｌｏ"),
        ("cyrillic", "привет"),
        ("han", "你好"),
        ("kana", "東京タワーです"),
        ("hangul", "안녕"),
        ("arabic", "مرحبا"),
        ("hebrew", "שלום"),
        ("devanagari", "नमस्ते"),
        ("han", "𠀀𠀁"),
    ],
)
def test_a_text_has_a_script(script: str, text: str) -> None:
    assert value_of("text.script", text) == script
