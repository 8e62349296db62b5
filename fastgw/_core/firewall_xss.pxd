"""Does a text look like markup or a URL that was meant to run a script?

It is read as a browser would read it where it may be put: as text, behind a quote that ends an attribute's value, and as
a URL. Linear: one pass.
"""
from fastgw._core.bytes cimport Span

cdef bint xss_found(Span text) noexcept nogil
