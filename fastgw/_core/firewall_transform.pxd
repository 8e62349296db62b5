"""Text transformations: each rewrites a text where it lies, in one pass, and none makes it longer.

What cannot be decoded stays as it is; a transformation never fails. docs/firewall.md says what each does.
"""
from libc.stdint cimport uint32_t

cdef enum Transform:
    X_NONE = 0
    X_LOWERCASE = 1
    X_URL_DECODE = 2
    X_URL_DECODE_UNI = 3
    X_HTML_ENTITY_DECODE = 4
    X_COMPRESS_WHITE_SPACE = 5
    X_REMOVE_NULLS = 6
    X_REPLACE_NULLS = 7
    X_NORMALIZE_PATH = 8
    X_NORMALIZE_PATH_WIN = 9
    X_CMD_LINE = 10
    X_BASE64_DECODE = 11
    X_HEX_DECODE = 12
    X_REPLACE_COMMENTS = 13
    X_JS_DECODE = 14

cdef uint32_t transform(int which, char* p, uint32_t n) noexcept nogil
"""The new length."""
