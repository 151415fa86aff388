"""How English words are told apart, as rules: what Gopher's and FineWeb's published thresholds were set with.

Any other way to count words moves the thresholds: splitting at white space agrees with a published decision about
repetition on nine documents in ten only. The rules are those of spaCy's English tokenizer (version 3.8; MIT licence,
copyright ExplosionAI GmbH and others), which datatrove 0.10 uses, written down as character sets and a list of
exceptions; its licence lies beside this file. The sets of punctuation are datatrove's (Apache-2.0), its own after
CCNet. `freeze` makes the table of characters from this file; `words` applies the rules.
"""

from __future__ import annotations

from collections.abc import Iterator

# Letters of rules about letters: cased ones by block, then whole blocks of scripts without case, as spaCy lists them.
CASED = (
    "41-5A 61-7A C0-D6 D8-F6 F8-1BF 1C4-2AF 1D00-1D25 1D6B-1D77 1D79-1D9A 1E00-1EFF 2C60-2C7B 2C7E-2C7F A722-A76F "
    "A771-A787 A78B-A78E A790-A7B9 A7FA AB30-AB5A AB60-AB64 FF21-FF3A FF41-FF5A "  # Latin
    "386 388-38A 38C 38E-38F 391-3A9 3AC-3AF 3B1-3C9 3CC-3CE 400-401 403-40A 40C-40D 410-451 453-45A 45C-45D 490-491 "
    "496-497 4A2-4A3 4AE-4AF 4BA-4BB 4D8-4D9 4E8-4E9"  # Greek, Cyrillic
)
UNCASED = (
    "591-5F4 620-64A 66E-6D5 6E5-6FF 750-77F 8A0-8BD 900-9FF B80-CFF D80-DFF 1100-137F 2E80-2FDF 2FF0-30FF 31C0-31EF "
    "3200-4DBF 4E00-9FFF AC00-D7AF F900-FAFF FB1D-FBB1 FBD3-FD3D FD50-FDC7 FDF0-FDFB FE30-FE4F FE70-FEFC 1EE00-1EEBB "
    "1F200-1F2FF 20000-2A6DF 2A700-2EBEF 2F800-2FA1F"
)
# These two are no letters to Unicode's properties, but to spaCy's ranges.
LOWER_TOO, UPPER_TOO = "\u0294", "\u03a2"

# Signs that stand alone at both ends of a word; the dashes are never part of an abbreviation.
DASHES = "–—"
_WESTERN = "!\"#&'()*,:;<>?[]_`{}¡«´·»¿‘’‚“”„…"
_EASTERN = "،؛؟٪۔।⟦⟧\u2329\u232a、。〈〉《》「」『』【】〔〕！（），：；？～"
BOTH_ENDS = DASHES + _WESTERN + _EASTERN
CURRENCIES = "$£¥฿₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿﷼"
BEGINNING = "%=§" + CURRENCIES  # and a plus sign, unless a digit follows
QUOTES = "\"',`«´»‘’‚“”„⟦⟧\u2329\u232a〈〉《》「」『』【】〔〕（）"
HYPHENS = "-–—~"
# A period after one of these, a digit or a lower-case letter ends a sentence rather than an abbreviation.
BEFORE_PERIOD = "%²-+|" + _WESTERN + _EASTERN

# Symbols (Unicode category So) that came after the list was made are ordinary characters to it.
YOUNGER_ICONS = (
    "166D 2B97 2BC9 2BFF 2E50-2E51 32FF FD40-FD4F FDCF FDFE-FDFF 1019C 11FD5-11FDC 11FE1-11FF1 1CF50-1CFC3 1D1E9-1D1EA "
    "1E14F 1ED2E 1F10D-1F10F 1F16C-1F16F 1F1AD 1F6D5-1F6D7 1F6DD-1F6DF 1F6FA-1F6FC 1F7E0-1F7EB 1F7F0 1F8B0-1F8B1 "
    "1F90C-1F90F 1F93F 1F971-1F972 1F977-1F979 1F97B 1F9A3-1F9AF 1F9BA-1F9BF 1F9C3-1F9CF 1FA00-1FA53 1FA70-1FA74 "
    "1FA78-1FA7C 1FA80-1FA86 1FA90-1FAAC 1FAB0-1FABA 1FAC0-1FAC5 1FAD0-1FAD9 1FAE0-1FAE7 1FAF0-1FAF6 1FB00-1FB92 "
    "1FB94-1FBCA"
)

# Words made of these alone are symbols to Gopher's word count; control characters count too.
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«´»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～"
CONTROLS = "0-8 B-1F 7F-9F"
# What ends a sentence in some script, and what ends a line as FineWeb counts it: those and a few younger ones.
SENTENCE_ENDS = (
    "21 2E 3F 589 61F 6D4 700-702 7F9 964-965 104A-104B 1362 1367-1368 166E 1735-1736 1803 1809 1944-1945 1AA8-1AAB "
    "1B5A-1B5B 1B5E-1B5F 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 "
    "A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 11047-11048 "
    "110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 "
    "115C9-115D7 11641-11642 1173C-1173E 11A42-11A43 11A9B-11A9C 11C41-11C42 16A6E-16A6F 16AF5 16B37-16B38 16B44 "
    "1BC9F 1DA88"
)
YOUNGER_ENDS = (
    "61D-61E 837 839 83D-83E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 10F86-10F89 11944 11946 11EF7-11EF8 "
    "11F43-11F44 16E98"
)

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

# After a digit these are words of their own, and so is a currency.
UNITS = (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa "
    "mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч "
    "кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم غرام جرام جم كغ ملغ "
    "كوب اكواب"
)
DOLLARS = "US$ C$ A$"

# Contractions: the words (also with a capital), and the endings that are words of their own. Each is also found
# without its apostrophes.
_CONTRACTIONS = (
    ("i", "'m|'m a"),
    ("i you he she it we they", "'ll|'ll 've|'d|'d 've"),
    ("i you we they", "'ve"),
    ("you we they", "'re"),
    ("he she it", "'s"),
    ("who what when where why how there that this these those", "'ll|'ll 've|'d|'d 've"),
    ("who what when where why how there that this", "'s"),
    ("who what when where why how there these those", "'re|'ve"),
    ("ca could do does did had may might must need ought sha should wo would", "n't|n't 've"),
    ("could might must should would", "'ve"),
    ("ai are is was were have has dare", "n't"),
    ("not", "'ve"),
)
_WORDS_AFTER_ALL = "ill its hell shell shed were well whore"  # with and without a capital
_WRITTEN_TOGETHER = "can not|gon na|got ta|let 's|c'm on|how 'd 'y"  # also with a capital
_OTHERS = ("y' all", "y all", "° c .", "° f .", "° k .", "° C .", "° F .", "° K .")

_WHOLE = r"""
doin doin' goin goin' nothin nothin' nuthin nuthin' ol ol' somethin somethin' lovin lovin' havin havin'
Doin Doin' Goin Goin' Nothin Nothin' Nuthin Nuthin' Ol Ol' Somethin Somethin' Lovin Lovin' Havin Havin'
em 'em ll 'll nuff 'nuff 'S 's ‘S ‘s 'd 're 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout and/or w/o
ma'am Ma'am o'clock O'clock Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill.
Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov.
Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G.
Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s.
a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü. ' '' \") \t \n <space> C++ —
:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-((
:((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o
:* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_-
-__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.)
(>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
"""


def exceptions() -> dict[str, list[str]]:
    """Return the stretches that are cut in a way of their own, and the words of each."""
    found = {"".join(words): words for words in _contractions()}
    for word in _WORDS_AFTER_ALL.split():
        found.pop(word, None)
        found.pop(word.title(), None)
    for hour in range(1, 13):
        found |= {f"{hour}{period}": [str(hour), period] for period in ("a.m.", "am", "p.m.", "pm")}
    for phrase in _WRITTEN_TOGETHER.split("|"):
        for spelling in (phrase, phrase[0].upper() + phrase[1:]):
            found[spelling.replace(" ", "")] = spelling.split()
    found |= {phrase.replace(" ", ""): phrase.split() for phrase in _OTHERS}
    found |= {word: [word] for word in _WHOLE.split()}
    curled = {stretch.replace("'", "’"): [word.replace("'", "’") for word in found[stretch]] for stretch in found}
    return found | curled


def _contractions() -> Iterator[list[str]]:
    for words, endings in _CONTRACTIONS:
        for word in words.split():
            for spelling in (word, word.title()):
                for ending in endings.split("|"):
                    yield [spelling, *ending.split()]
                    yield [spelling, *ending.replace("'", "").split()]
