"""Run programs nobody trusts; return only what was observed from outside."""

from yunque.sandbox.tiers import TIERS, Capability, capabilities, open_sandbox

__all__ = ["TIERS", "Capability", "capabilities", "open_sandbox"]
