"""Who may sign: access keys, the roles that sessions are of, and the signing keys that are derived from secrets.

A table belongs to a plan, so a key that a reload takes out is out with the new plan. Access keys are found by a seeded
hash of their id, whole ids are compared.

Sessions are in no table. Their token says whose they are and until when, and ends with a keyed digest of that; their
secret is another keyed digest, of the token:

    token  = PREFIX/ROLE/NAME/ISSUED/EXPIRES/ID/MAC       times in seconds since the epoch, MAC in hexadecimal
    MAC    = HMAC(key, "token/" + what stands before its slash)
    secret = HMAC(key, "secret/" + token), the first 40 letters in hexadecimal

So nobody who has not the key can make a token, nor a secret for one. What was derived for a session is kept in one of
a fixed number of places, by a hash of its token; another session may take its place at any time.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span
from fastgw._core.libcrypto cimport SHA256_BYTES
from fastgw._core.policy cimport Policy
from fastgw._core.signed cimport Credential, Signed, SignedRequest, Signing, SignatureRules

cdef enum:
    SESSIONS = 1024             # places; a power of two
    SESSION_SECRET = 40         # letters

cdef struct Person:             # a user, or a role
    Span id
    Span account
    Span arn                    # of a role: of its sessions, less "/" and their name
    Span own_arn                # the user's or the role's
    Span name                   # the user's; n 0: a role
    const Policy* rules         # what its policies allow, which the table owns

cdef struct Role:
    Span name
    uint32_t most               # seconds that a session may last; a token that says more was made for another role
    uint32_t row

cdef struct Session:
    Credential credential       # its token and secret lie behind the struct, in the same memory
    uint64_t issued             # seconds since the epoch
    uint64_t expires
    Span name                   # of the session

cdef struct SignatureTable:
    SignatureRules rules
    uint64_t secret[2]          # of the hash
    uint32_t mask               # places - 1
    Credential** places
    Person* people              # by Credential.row
    Role* roles
    uint32_t nroles
    Session** sessions          # SESSIONS of them, NULL: free

cdef class Signatures:
    cdef SignatureTable table
    cdef Arena arena
    cdef list policies
    cdef int fill_people(self, list people) except -1
    cdef int fill_rules(self, dict rules, bytes session_key) except -1
    cdef int add_key(self, bytes id, bytes secret, bytes token, uint32_t row) except -1

cdef Signing credential_find(SignatureTable* t, const SignedRequest* r, const Signed* s, Credential** found) noexcept nogil
"""SIGNED: found is whose key and token it is. The request's time counts, not its signature."""
cdef bint signing_key(const SignatureRules* rules, Credential* credential, Span day, Span* key) noexcept nogil
"""The derived key, which stays where it is until two other days were asked for."""

cdef inline const Session* session_of(const Credential* credential) noexcept nogil:
    """Of a credential that is a role's: its session, which it is the first field of."""
    return <const Session*>credential
