"""Attempts to talk a model out of its instructions: orders to forget them, to reveal them, to be without rules.

Also marks of chat templates in what a person or a document says, by which it would speak with another's voice. The
phrases are those that collections of such attempts have in common (Perez and Ribeiro, 2022, "Ignore Previous Prompt";
Shen et al., 2024, "Do Anything Now"), in the languages of the interface. Who hides an order in a riddle is not found:
this is a first line, and not the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_GAP = r"[^.!?\n]{0,40}?"
_ORDERS = r"(?:instructions?|prompts?|rules|directions|guidelines|orders|directives|commands|training|programming)"
_BEFORE = r"(?:previous|prior|above|earlier|preceding|foregoing|initial|original|existing|system|safety)"

# Which kind of attempt -> how sure a match makes, and what it looks like in the languages of the interface.
_KINDS: dict[str, tuple[float, tuple[str, ...]]] = {
    "override": (
        0.9,
        (
            rf"\b(?:ignore|disregard|forget|override|bypass|discard)\b{_GAP}\b{_BEFORE}\b{_GAP}\b{_ORDERS}\b",
            rf"\b(?:ignore|disregard|forget|override|bypass)\b (?:all |any |every )?(?:of )?your {_ORDERS}\b",
            rf"\b(?:ignore|disregard|forget) (?:everything|all|anything)\b{_GAP}\b(?:above|before|told|said)\b",
            rf"\b(?:ignorier|vergiss|vergesse|missachte|umgehe)\w{{0,3}}\b{_GAP}"
            r"\b(?:Anweisung|Anweisungen|Instruktionen|Regeln|Vorgaben|Vorschriften|Systemprompt)\b",
            rf"\b(?:ignore|ignorez|ignorer|oublie|oubliez|oublier|contourne|contournez)\b{_GAP}"
            r"\b(?:instructions|consignes|règles|directives)\b",
            rf"\b(?:ignora|ignore|olvida|olvide|omite|omita)\b{_GAP}\b(?:instrucciones|reglas|directrices)\b",
            rf"\b(?:ignora|ignorate|dimentica|dimenticate)\b{_GAP}\b(?:istruzioni|regole|direttive)\b",
            r"(?:忽略|无视|忘记|無視|忘記)[^。！？\n]{0,12}(?:指令|指示|提示|规则|規則|命令)",
        ),
    ),
    "reveal": (
        0.85,
        (
            rf"\b(?:reveal|print|show|repeat|output|leak|tell me|give me|write out|display|what (?:is|are|was))\b{_GAP}"
            r"\b(?:your|the) (?:full |exact |entire |whole |complete )?"
            r"(?:system|initial|hidden|original|secret|developer) (?:prompt|instructions?|message|rules)\b",
            rf"\b(?:zeig|nenn|verrat|wiederhol|gib)\w{{0,3}}\b{_GAP}\b(?:System-?prompt|Systemanweisung\w{{0,3}})\b",
            rf"\b(?:montre|révèle|répète|affiche|donne)\w{{0,4}}\b{_GAP}\b(?:prompt|invite|instructions) système\b",
            rf"\b(?:muestra|revela|repite|dime)\w{{0,3}}\b{_GAP}\b(?:prompt|instrucciones|mensaje) del? sistema\b",
            r"(?:显示|透露|重复|輸出|输出|顯示)[^。！？\n]{0,12}(?:系统提示|系統提示|系统指令|系統指令)",
        ),
    ),
    "persona": (
        0.85,
        (
            r"\bdo anything now\b",
            r"\b(?:you are|act as|become|simulate|pretend to be|roleplay as)\b[^.!?\n]{0,30}"
            r"\b(?:DAN|jailbroken|unfiltered|uncensored|unrestricted|amoral)\b",
            r"\b(?:enter|you are in|answer in|respond in|act in|switch yourself to)\b[^.!?\n]{0,20}"
            r"\b(?:developer|jailbreak|god|debug|sudo) mode\b",
            r"\b(?:pretend|imagine|act as if|behave as if|assume)\b[^.!?\n]{0,40}"
            r"\b(?:no|without(?: any)?|free of|not bound by(?: any)?) (?:\w+ )?"
            r"(?:restrictions|rules|filters|limits|limitations|guidelines|ethics)\b",
            r"\bwithout any (?:moral|ethical|legal|safety) (?:\w+ )?"
            r"(?:restrictions|guidelines|limits|filters|concerns)\b",
            r"\b(?:Entwicklermodus|mode développeur|modo desarrollador|开发者模式|開發者模式)",
        ),
    ),
    "no_refusal": (
        0.7,
        (
            r"\b(?:never|do not|don't|must not|cannot|can't|without) (?:ever )?(?:refus(?:e|ing)|declin(?:e|ing))\b",
            r"\b(?:start|begin) (?:your|the|every) (?:answer|response|reply|output) with [\"'“‘]?"
            r"(?:sure|absolutely|of course|yes)\b",
            r"\b(?:never|do not|don't) (?:say|use|include|write|mention|add) [^.!?\n]{0,30}"
            r"\b(?:I'm sorry|I cannot|I can't|apolog\w+|disclaimers?|warnings?)\b",
        ),
    ),
    "forged_turn": (
        0.9,
        (
            r"<\|(?:im_start|im_end|system|user|assistant|start_header_id|eot_id|endoftext)\|>",
            r"\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]|<</?SYS>>",
            r"(?m:^#{2,4} ?(?:system|new instructions?)(?: prompt| message)?:)",
            r"\b(?:BEGIN|START|NEW|END(?: OF)?)(?: OF)?(?: THE)? SYSTEM (?:PROMPT|MESSAGE|INSTRUCTIONS?)\b",
        ),
    ),
}
_COMPILED = [
    (kind, confidence, Pattern("|".join(f"(?:{shape})" for shape in shapes), ignore_case=True))
    for kind, (confidence, shapes) in _KINDS.items()
]


@dataclass(frozen=True)
class Config:
    """Settings of the detector of prompt injections: which kinds of attempt count.

    They are `override`, `reveal`, `persona`, `no_refusal` and `forged_turn`.
    """

    TYPES: ClassVar[tuple[str, ...]] = tuple(f"jailbreaking.{kind}" for kind in _KINDS)

    kinds: tuple[str, ...] = tuple(_KINDS)


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the attempts in a text."""
    whole = Text.of(text)
    for kind, confidence, pattern in _COMPILED:
        for start, end in pattern.spans(whole) if kind in config.kinds else ():
            yield Finding(start, end, f"jailbreaking.{kind}", "prompt_injection", confidence)
