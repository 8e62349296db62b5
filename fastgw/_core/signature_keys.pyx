"""Find credentials, and derive keys."""
import os

from libc.stdint cimport uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastgw._core.bytes cimport Writer, put, put_span, span, writer_init
from fastgw._core.libcrypto cimport SHA256_HEX, hmac_sha256, same_secret
from fastgw._core.policy cimport policy_in
from fastgw._core.signature_text cimport put_hex_bytes, same_span
from fastgw._core.signed cimport SIGNED, SIGNED_BY_STRANGER, SIGNED_LONG_AGO, SigningKey
from fastgw._core.siphash cimport siphash

cdef enum:
    DAY = 8                     # bytes of "20150830"
    TOKEN_BYTES = 2048          # longest token of a session
    FIELDS = 7                  # of a token

PARAM_NAMES = ("algorithm", "credential", "date", "expires", "names", "signature", "token", "digest")
"""Keys of Signatures' params, in the order of signed.P_*."""

SAYING_NAMES = ("credential", "signature", "names", "date", "given", "pair", "param", "twice", "both", "algorithm",
                "elements", "time", "expires", "host", "payload", "region", "service", "terminator", "day", "expired",
                "early", "mismatch", "canonical")
"""Keys of Signatures' says, in the order of signed.Saying."""


# --- access keys

cdef Credential* key_lookup(SignatureTable* t, Span id) noexcept nogil:
    cdef uint32_t at = <uint32_t>siphash(t.secret, id.p, id.n).low & t.mask
    while t.places[at] != NULL:
        if same_span(t.places[at].id, id):
            return t.places[at]
        at = (at + 1) & t.mask
    return NULL


cdef bint same_token(Span a, Span b) noexcept nogil:
    return a.n == b.n and same_secret(a.p, b.p, a.n)


cdef Signing credential_find(SignatureTable* t, const SignedRequest* r, const Signed* s, Credential** found) noexcept nogil:
    found[0] = key_lookup(t, s.id)
    if found[0] != NULL:
        if s.token.p == NULL and found[0].token.n == 0:
            return SIGNED
        return SIGNED if s.token.p != NULL and found[0].token.n and same_token(s.token, found[0].token) \
            else SIGNED_BY_STRANGER
    if s.token.p == NULL:
        return SIGNED_BY_STRANGER
    return session_find(t, r, s, found)


# --- signing keys

cdef bint derive(const SignatureRules* rules, const Credential* credential, Span day, uint8_t* key) noexcept nogil:
    cdef Span steps[4]
    cdef Span last = credential.secret
    cdef int i
    steps[0], steps[1], steps[2], steps[3] = day, rules.region, rules.service, rules.terminator
    for i in range(4):
        if not hmac_sha256(last, &steps[i], 1, key):
            return False
        last = span(<const char*>key, SHA256_BYTES)
    return True


cdef bint signing_key(const SignatureRules* rules, Credential* credential, Span day, Span* key) noexcept nogil:
    cdef uint8_t fresh[SHA256_BYTES]
    cdef SigningKey* kept
    cdef int i
    for i in range(2):
        kept = &credential.keys[i]
        if same_span(span(kept.day, DAY), day):
            key[0] = span(<const char*>kept.key, SHA256_BYTES)
            return True
    if day.n != DAY or not derive(rules, credential, day, fresh):
        return False
    credential.last = 1 - credential.last
    kept = &credential.keys[credential.last]
    memcpy(kept.day, day.p, DAY)
    memcpy(kept.key, fresh, SHA256_BYTES)
    key[0] = span(<const char*>kept.key, SHA256_BYTES)
    return True


# --- sessions

cdef bint keyed_hex(Span key, const char* purpose, uint32_t n, Span text, char* out) noexcept nogil:
    """SHA256_HEX letters of the digest that the key makes of purpose and text."""
    cdef uint8_t digest[SHA256_BYTES]
    cdef Span pieces[2]
    cdef Writer w
    pieces[0], pieces[1] = span(purpose, n), text
    if not hmac_sha256(key, pieces, 2, digest):
        return False
    writer_init(&w, out, SHA256_HEX)
    put_hex_bytes(&w, digest, SHA256_BYTES)
    return True


cdef bint split_token(Span token, Span* fields) noexcept nogil:
    cdef uint32_t i, start = 0, n = 0
    for i in range(token.n + 1):
        if i == token.n or token.p[i] == c"/":
            if n == FIELDS:
                return False
            fields[n] = span(token.p + start, i - start)
            n += 1
            start = i + 1
    return n == FIELDS and fields[6].n == SHA256_HEX


cdef bint seconds_of(Span text, uint64_t* seconds) noexcept nogil:
    cdef uint32_t i
    seconds[0] = 0
    if not 1 <= text.n <= 12:
        return False
    for i in range(text.n):
        if not c"0" <= text.p[i] <= c"9":
            return False
        seconds[0] = seconds[0] * 10 + <uint8_t>(text.p[i] - c"0")
    return True


cdef Role* role_lookup(SignatureTable* t, Span name) noexcept nogil:
    cdef uint32_t i
    for i in range(t.nroles):
        if same_span(t.roles[i].name, name):
            return &t.roles[i]
    return NULL


cdef Session* session_new(SignatureTable* t, const Role* role, Span token, Span* fields) noexcept nogil:
    """Its token and secret are kept behind it; NULL: no memory."""
    cdef uint32_t size = sizeof(Session) + token.n + t.rules.secret_prefix.n + SHA256_HEX
    cdef Session* session = <Session*>calloc(1, size)
    cdef Writer w
    if session == NULL:
        return NULL
    writer_init(&w, <char*>(session + 1), size - <uint32_t>sizeof(Session))
    put_span(&w, token)
    session.credential.token = span(w.p, token.n)
    session.credential.id = span(w.p + (fields[5].p - token.p), fields[5].n)
    session.name = span(w.p + (fields[2].p - token.p), fields[2].n)
    put_span(&w, t.rules.secret_prefix)
    if not keyed_hex(t.rules.session_key, b"secret/", 7, token, w.p + w.n):
        free(session)
        return NULL
    session.credential.secret = span(w.p + token.n, t.rules.secret_prefix.n + SESSION_SECRET)
    session.credential.role = True
    session.credential.row = role.row
    return session


cdef Session* session_make(SignatureTable* t, Span token) noexcept nogil:
    """Of a token that this gateway issued and that is of a role that it has; else NULL."""
    cdef Span fields[FIELDS]
    cdef char mac[SHA256_HEX]
    cdef uint64_t issued, expires
    cdef Session* session
    cdef Role* role
    if t.rules.session_key.n == 0 or token.n > TOKEN_BYTES or not split_token(token, fields):
        return NULL
    if not same_span(fields[0], t.rules.session_prefix) or not seconds_of(fields[3], &issued) \
            or not seconds_of(fields[4], &expires):
        return NULL
    if not keyed_hex(t.rules.session_key, b"token/", 6, span(token.p, token.n - SHA256_HEX - 1), mac):
        return NULL
    if not same_secret(mac, fields[6].p, SHA256_HEX):
        return NULL
    role = role_lookup(t, fields[1])
    if role == NULL or expires < issued or expires - issued > role.most:
        return NULL
    session = session_new(t, role, token, fields)
    if session != NULL:
        session.issued, session.expires = issued, expires
    return session


cdef Signing session_find(SignatureTable* t, const SignedRequest* r, const Signed* s, Credential** found) noexcept nogil:
    cdef Session** place = &t.sessions[siphash(t.secret, s.token.p, s.token.n).low & (SESSIONS - 1)]
    cdef Session* session = place[0]
    if session == NULL or not same_token(session.credential.token, s.token):
        session = session_make(t, s.token)
        if session == NULL:
            return SIGNED_BY_STRANGER
        free(place[0])
        place[0] = session
    if not same_span(session.credential.id, s.id):
        return SIGNED_BY_STRANGER
    found[0] = &session.credential
    return SIGNED if session.expires > r.now else SIGNED_LONG_AGO


# --- the table

cdef class Signatures:
    """rules: the words of the scheme, by the names of SignatureRules' fields; params and says as dicts. keys: (id, secret,
    token or b"", row of its user) each. roles: (name, seconds that a session may last, row) each. people: by row,
    (id, account, ARN, its own ARN, user's name or b"", CompiledPolicy), see Person. session_key: b"" takes no
    sessions.
    """

    def __cinit__(self, dict rules, list keys, list roles, list people, bytes session_key):
        cdef uint32_t size = 2
        self.arena = Arena()
        secret = os.urandom(16)
        memcpy(self.table.secret, <const char*>secret, 16)
        self.fill_rules(rules, session_key)
        while size < 2 * len(keys):
            size *= 2
        self.table.mask = size - 1
        self.table.places = <Credential**>self.arena.take(size * sizeof(Credential*))
        for key in keys:
            self.add_key(key[0], key[1], key[2], key[3])
        self.table.nroles = len(roles)
        self.table.roles = <Role*>self.arena.take(sizeof(Role) * (len(roles) or 1))
        for i, (name, most, row) in enumerate(roles):
            self.table.roles[i].name = self.arena.keep(name)
            self.table.roles[i].most = most
            self.table.roles[i].row = row
        self.fill_people(people)
        self.table.sessions = <Session**>self.arena.take(SESSIONS * sizeof(Session*))

    def __dealloc__(self):
        if self.table.sessions != NULL:
            for i in range(SESSIONS):
                free(self.table.sessions[i])

    cdef int fill_rules(self, dict rules, bytes session_key) except -1:
        cdef SignatureRules* r = &self.table.rules
        r.algorithm = self.arena.keep(rules["algorithm"])
        r.secret_prefix = self.arena.keep(rules["secret_prefix"])
        r.region = self.arena.keep(rules["region"])
        r.service = self.arena.keep(rules["service"])
        r.terminator = self.arena.keep(rules["terminator"])
        r.date_field = self.arena.keep(rules["date_field"])
        r.token_field = self.arena.keep(rules["token_field"])
        r.digest_field = self.arena.keep(rules["digest_field"])
        r.length_field = self.arena.keep(rules["length_field"])
        r.unsigned_payload = self.arena.keep(rules["unsigned_payload"])
        r.chunked_payload = self.arena.keep(rules["chunked_payload"])
        r.special_payload = self.arena.keep(rules["special_payload"])
        r.chunk_algorithm = self.arena.keep(rules["chunk_algorithm"])
        r.chunk_coding = self.arena.keep(rules["chunk_coding"])
        r.session_key = self.arena.keep(session_key)
        r.session_prefix = self.arena.keep(rules["session_prefix"])
        for i, name in enumerate(PARAM_NAMES):
            r.params[i] = self.arena.keep(rules["params"][name])
        for i, name in enumerate(SAYING_NAMES):
            r.says[i] = self.arena.keep(rules["says"][name])
        r.skew, r.most_expires, r.normalizes = rules["skew"], rules["most_expires"], rules["normalizes"]
        return 0

    cdef int fill_people(self, list people) except -1:
        cdef Person* person
        self.policies = []
        self.table.people = <Person*>self.arena.take(sizeof(Person) * (len(people) or 1))
        for i, (id, account, arn, own_arn, name, policy) in enumerate(people):
            person = &self.table.people[i]
            person.id, person.account = self.arena.keep(id), self.arena.keep(account)
            person.arn, person.own_arn = self.arena.keep(arn), self.arena.keep(own_arn)
            person.name = self.arena.keep(name)
            self.policies.append(policy)
            person.rules = policy_in(policy)
            if person.rules == NULL:
                raise TypeError("a signer has a policy")
        return 0

    cdef int add_key(self, bytes id, bytes secret, bytes token, uint32_t row) except -1:
        cdef Credential* credential = <Credential*>self.arena.take(sizeof(Credential))
        cdef uint32_t at
        credential.id = self.arena.keep(id)
        credential.secret = self.arena.keep(<bytes>self.table.rules.secret_prefix.p[:self.table.rules.secret_prefix.n] + secret)
        credential.token = self.arena.keep(token)
        credential.row = row
        at = <uint32_t>siphash(self.table.secret, credential.id.p, credential.id.n).low & self.table.mask
        while self.table.places[at] != NULL:
            at = (at + 1) & self.table.mask
        self.table.places[at] = credential
        return 0
