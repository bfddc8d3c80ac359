"""Words by which labels are inferred: general English and the common names of interfaces, none of any one tool."""

import re

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def parts(name: str) -> tuple[str, ...]:
    """A name's words in lower case: `readUserInbox`, `read_user_inbox` and `mail__read-user-inbox` alike."""
    return tuple(found.lower() for found in _PART.findall(name))


def singular(word: str) -> str:
    """A noun without its plural `s`; rough, and the same for both sides of a comparison."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def nouns(name: str) -> frozenset[str]:
    """The words of a name, each in the singular."""
    return frozenset(singular(word) for word in parts(name))


READS = _set(
    "get list read search find fetch show view check lookup look query count describe browse calculate compute convert "
    "retrieve see display is has can estimate compare verify validate inspect preview summarize summarise analyze "
    "analyse resolve detect classify translate download load peek explain test ping ls cat grep wc du diff tail head "
    "sort pwd locate scan monitor track"
)
"""Verbs of tools that change nothing."""
DESTROYS = _set(
    "delete remove drop destroy erase wipe purge terminate revoke uninstall truncate kill cancel deactivate disable "
    "reboot shutdown rm rmdir unlink format reset overwrite"
)
"""Verbs of tools whose work is lost or hard to undo."""
SENDS = _set(
    "send post publish share invite forward reply mail email notify tweet retweet upload submit message dm broadcast "
    "announce transmit push fax sms"
)
"""Verbs of tools that hand something on to others."""
PLACES = _set("url uri link href host hostname domain endpoint webhook website webpage site address")
"""Arguments that name a place on a network."""
PEOPLE = _set("recipient to cc bcc email mail participant attendee invitee guest phone receiver destination")
"""Arguments that name those who get something."""
CONTENT = _set(
    "body content text message subject title description summary note comment reason caption feedback question "
    "prompt topic answer agenda details remark memo location venue"
)
"""Arguments that hold what is said, not whom or what it touches."""
TIMES = _set(
    "date time day month year hour minute start end since until before after from_date to_date deadline duration when "
    "timezone timestamp"
)
"""Arguments that say when."""
SIZES = _set("n limit max min page offset top size per count number rank depth width height")
"""Arguments that bound how much comes back."""
AMOUNTS = _set("amount price total sum cost fee value budget balance quantity qty rate rent payment salary discount")
"""Arguments that say how much money or how many."""
PAYS = _set("pay payment payout refund reimburse reimbursement purchase buy checkout disburse remit remittance donate")
"""Words of what moves money."""
MOVES = _set("transfer charge deposit withdraw withdrawal wire debit credit settle send")
"""Words of what may move money, or something else."""
SUMS = _set("amount price total sum fee payment usd eur chf gbp cent money currency iban")
"""Arguments that say how much money, or from where."""
OWN = _set("contact profile setting preference balance own my self whoami me")
"""Nouns of what the person, or the organisation, wrote itself."""
PUBLIC = _set("web webpage website internet public news weather wikipedia wiki")
"""Nouns of what anybody may see."""
CLOCK = _set("time date day now today timezone")
"""Nouns of what no stranger writes and nobody must hide."""
