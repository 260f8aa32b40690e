"""The OWASP Top 10 of 2025: which category a weakness (CWE) belongs to, and where it stood in 2021.

The lists of weaknesses are those of https://owasp.org/Top10/2025/, read in November 2026. Weaknesses of memory (CWE-119 and
its kind) are in no category: the Top 10 speaks of web applications.
"""

from __future__ import annotations

CATEGORIES: dict[str, str] = {
    "A01:2025": "Broken Access Control",
    "A02:2025": "Security Misconfiguration",
    "A03:2025": "Software Supply Chain Failures",
    "A04:2025": "Cryptographic Failures",
    "A05:2025": "Injection",
    "A06:2025": "Insecure Design",
    "A07:2025": "Authentication Failures",
    "A08:2025": "Software or Data Integrity Failures",
    "A09:2025": "Security Logging and Alerting Failures",
    "A10:2025": "Mishandling of Exceptional Conditions",
}
_WEAKNESSES = {
    "A01:2025": """22 23 36 59 61 65 200 201 219 276 281 282 283 284 285 352 359 377 379 402 424 425 441 497 538 540 548 552
        566 601 615 639 668 732 749 862 863 918 922 1275""",
    "A02:2025": "5 11 13 15 16 260 315 489 526 547 611 614 776 942 1004 1174",
    "A03:2025": "447 1035 1104 1329 1357 1395",
    "A04:2025": """261 296 319 320 321 322 323 324 325 326 327 328 329 330 331 332 334 335 336 337 338 340 342 347 523 757
        759 760 780 916 1240 1241""",
    "A05:2025": """20 74 76 77 78 79 80 83 86 88 89 90 91 93 94 95 96 97 98 99 103 104 112 113 114 115 116 129 159 470 493
        500 564 610 643 644 917""",
    "A06:2025": """73 183 256 266 269 286 311 312 313 316 362 382 419 434 436 444 451 454 472 501 522 525 539 598 602 628 642
        646 653 656 657 676 693 799 807 841 1021 1022 1125""",
    "A07:2025": """258 259 287 288 289 290 291 293 294 295 297 298 299 300 302 303 304 305 306 307 308 309 346 350 384 521
        613 620 640 798 940 941 1390 1391 1392 1393""",
    "A08:2025": "345 353 426 427 494 502 506 509 565 784 829 830 915 926",
    "A09:2025": "117 221 223 532 778",
    "A10:2025": "209 215 234 235 248 252 274 280 369 390 391 394 396 397 460 476 478 484 550 636 703 754 755 756",
}
_CATEGORY_OF = {int(cwe): category for category, cwes in _WEAKNESSES.items() for cwe in cwes.split()}


def category_of(cwe: int | None) -> str:
    """``A05:2025`` for CWE-89; empty for a weakness that no category names."""
    return _CATEGORY_OF.get(cwe or 0, "")


def named(cwe: int | None) -> str:
    """``A05:2025 Injection`` for CWE-89; empty for a weakness that no category names."""
    category = category_of(cwe)
    return f"{category} {CATEGORIES[category]}" if category else ""
