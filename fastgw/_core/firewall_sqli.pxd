"""Does a text look like a piece of SQL that was meant to change a statement?

The text is read as SQL would read it where it stands: bare, within single quotes, within double quotes. In the last two
cases it counts only from the quote on that would end the string. What comes out are kinds of tokens; a match is a short
run of kinds that no data has and injections need, such as a logical operator before a comparison of constants. The idea
of tokens and fingerprints is published (Galbraith, "libinjection", 2012); kinds, runs and words are this file's own.
One pass for each way of reading, and nothing is kept but the last few tokens.
"""
from fastgw._core.bytes cimport Span

cdef bint sqli_found(Span text) noexcept nogil
