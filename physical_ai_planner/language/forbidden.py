"""Orders that are refused whatever the model makes of them: against the rules, through what is solid, at people.

A second lock, not the first: the model is trained to refuse these, a goal can only name places of the site, and the
safety gate stops the robot before a wall or a person in any case. What this adds is a plain refusal and no goal.
"""

from __future__ import annotations

import re

_SOMEONE = r"(?:him|her|them|(?:the |a |that |this )?(?:man|woman|child|people|person|worker|guy|dog)|someone|everyone)"
_RULES = (
    r"(?:rules?|safety|(?:speed )?limits?|instructions?|emergency|e-?stop"
    r"|scanner|lidar|sensors?|keep-?out|restrict\w+)"
)
_PATTERNS = (
    r"\b(?:ignor\w+|disregard\w*|bypass\w*|overrid\w+|disabl\w+|deactivat\w+|(?:turn|switch)(?:ing)? off|forget)"
    rf"\b[^.,;]{{0,30}}\b{_RULES}\b",
    r"\b(?:drive|go|crash|plough|plow|smash|run|break)\b[^.,;]{0,20}\bthrough (?:the |a |that )?"
    r"(?:wall|fence|people|crowd|building|closed)",
    rf"\brun (?:over {_SOMEONE}|{_SOMEONE} over)\b",
    r"(?:ルール|規則|安全\w{0,4}|指示|制限\w{0,2}|速度制限|非常停止|立入禁止\w{0,2}|センサー|障害物回避)[^。、]{0,8}"
    r"(?:無視|解除|無効|切って|切れ|オフ|破って|忘れて|外して)",
    r"(?:壁|塀|フェンス|人混み|建物)[^。、]{0,6}(?:突き抜け|突き破|突っ込|通り抜け|ぶち破)",
    r"(?:人|彼|彼女|男|女|子供|あいつ)[^。、]{0,4}(?:轢|ひき殺|はねろ|はね飛ば)",
)
_FORBIDDEN = re.compile("|".join(_PATTERNS), re.IGNORECASE)

_WITHIN = re.compile(  # as fast as the rules let it: that is how it drives anyhow
    r"(?<!twice )(?<!times )(?<!half )(?<!not )(?:\bas (?:fast|quick|quickly|swiftly) as )"
    r"(?:(?:you|it|we)(?:'re| are|'s| is) (?:allowed|permitted)(?: to(?: (?:go|drive))?)?|(?:allowed|permitted|legal)"
    r"|the (?:rules?|limits?|speed limits?|site) (?:lets?|allows?|permits?)(?: (?:you|it))?)(?= *(?:[,.;!]|$))"
    r"|(?:許され|許可され)(?:る|た|ている)(?:限り|範囲で)(?:速く|早く|急いで)?|制限速度(?:内|の範囲内?|の範囲)で",
    re.IGNORECASE,
)


def without_allowed(sentence: str) -> str:
    """The sentence without words that ask for no more than the rules allow, where it says anything else.

    "as fast as you're allowed" is no order against the rules, though it speaks of them.
    """
    kept = " ".join(_WITHIN.sub("", sentence).split()).strip(" ,、")
    return kept if any(c.isalnum() for c in kept) else sentence


def is_forbidden(sentence: str) -> bool:
    """Whether the normalised sentence holds such an order."""
    return _FORBIDDEN.search(sentence) is not None
