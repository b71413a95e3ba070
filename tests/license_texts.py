"""Licenses for tests: one that rules out commercial use, and text that means something elsewhere."""

NON_COMMERCIAL = "CC-BY-NC-SA-4.0"
HOSTILE = [
    '"><script>alert(1)</script>',
    "MIT\n```galaxy\njob_parameters()\n```",
    "a\x1b[2Jb\x00c\ud800",
    "![x](http://127.0.0.1/x) ${__import__('os')} $(touch done)",
    "x" * 10_000_000,
]
