"""What signed requests are made of (Signature Version 4).

A request is signed in its Authorization field or in its query. What is signed is a canonical form of it
(signature_canonical.pyx), under a key that is derived from the signer's secret for one day, region and service
(signature_keys.pyx). All words of the scheme, its field names and its refusals are data: see SignatureRules.

Everything works on a SignedRequest and on memory of the worker that the next verification takes again: signature.pxd
is the way in.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.fields cimport Field
from fastgw._core.libcrypto cimport SHA256_BYTES

cdef enum:                  # parameters of a signature in the query; their names are SignatureRules.params
    P_ALGORITHM = 0
    P_CREDENTIAL = 1
    P_DATE = 2
    P_EXPIRES = 3
    P_NAMES = 4             # of the signed header fields
    P_SIGNATURE = 5
    P_TOKEN = 6
    P_DIGEST = 7
    PARAMS = 8
    FIRST_OPTIONAL = P_TOKEN    # P_EXPIRES is too

cdef enum Saying:           # texts of refusals; "{0}" to "{3}" stand for what was found
    SAY_CREDENTIAL = 0      # what an Authorization field lacks: the four are told together
    SAY_SIGNATURE = 1
    SAY_NAMES = 2
    SAY_DATE = 3
    SAY_GIVEN = 4           # {0}: digest of the field
    SAY_PAIR = 5            # the same
    SAY_PARAM = 6           # a query without the parameter {0}
    SAY_TWICE = 7           # {0} is there more than once
    SAY_BOTH = 8
    SAY_ALGORITHM = 9       # {0}: is not served
    SAY_ELEMENTS = 10       # {0}: credential without five of them
    SAY_TIME = 11           # {0}: is no time
    SAY_EXPIRES = 12        # {0}: is no lifetime
    SAY_HOST = 13
    SAY_PAYLOAD = 14        # {0}: a way of signing the payload that is not served
    SAY_REGION = 15         # {0}: found; the four are told together
    SAY_SERVICE = 16
    SAY_TERMINATOR = 17
    SAY_DAY = 18            # {0}: found, {1}: of the date, {2}: the date
    SAY_EXPIRED = 19        # {0}: signed at, {1}: earliest, {2}: now, {3}: lifetime
    SAY_EARLY = 20          # {0}: signed at, {1}: latest, {2}: now, {3}: skew
    SAY_MISMATCH = 21
    SAY_CANONICAL = 22      # follows it; {0}: canonical request, {1}: string to sign
    SAYINGS = 23

cdef struct SignatureRules:
    Span algorithm
    Span secret_prefix      # before a secret, where it is a key
    Span region
    Span service
    Span terminator         # last element of a scope
    Span date_field         # names of header fields, in lower case
    Span token_field
    Span digest_field
    Span length_field       # bytes of a body that comes in signed chunks, without what stands around them
    Span unsigned_payload   # values of the digest
    Span chunked_payload
    Span special_payload    # what else begins so is not served
    Span chunk_algorithm
    Span chunk_coding       # in Content-Encoding, of signed chunks
    Span session_key        # of the tokens that this gateway issues; n 0: none are taken
    Span session_prefix
    Span params[PARAMS]
    Span says[SAYINGS]
    uint32_t skew           # seconds that a client's clock may be off
    uint32_t most_expires   # longest lifetime of a signature in the query, seconds
    uint8_t normalizes      # dot segments and empty segments are resolved before the path is signed

cdef struct SigningKey:
    char day[8]             # "20150830"; of the scope, whose other elements are the rules'
    uint8_t key[SHA256_BYTES]

cdef struct Credential:
    Span id
    Span secret             # with secret_prefix
    Span token              # that must come with it; n 0: none may
    uint32_t row            # whose it is: number of a user, or of a role
    uint8_t role
    uint8_t last            # the newer of
    SigningKey keys[2]      # of two days: around midnight both are in use

cdef struct SignedRequest:
    const SignatureRules* rules
    Span verb
    Span path               # as it came
    Span query
    const char* base        # of the fields
    const Field* fields
    uint32_t nfields
    uint64_t now            # seconds since the epoch

cdef struct Signed:         # what a request says of its signature
    Span id                 # access key
    Span day                # the elements of its scope
    Span region
    Span service
    Span terminator
    Span scope              # all four
    Span names              # of the signed fields: "host;x-date"
    Span signature
    Span token              # p NULL: none
    Span digest             # of the payload, as told; p NULL: not told
    char stamp[16]          # "20150830T123600Z"
    uint64_t time           # the same, seconds since the epoch
    uint32_t expires        # lifetime in the query, seconds; 0: none is told
    uint8_t in_query
    Span message            # of a refusal; p NULL: the failure's own
    char* payload           # SIGNED, of a body in signed chunks: the body itself, malloc's; else NULL
    uint32_t payload_n

cdef enum Signing:
    SIGNED = 0
    SIGNED_WANTS_BODY = 1   # come again with it
    NOT_SIGNED = 2
    SIGNED_BADLY = 3        # incomplete, or in a way that is not served
    SIGNED_BY_STRANGER = 4  # no such key, or a token that is not its own
    SIGNED_LONG_AGO = 5     # the session is over
    SIGNED_ELSE = 6         # another request, another secret, another time
