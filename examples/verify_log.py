#!/usr/bin/env python3
"""verify_log.py EXPORT SALTS CHECKPOINT KEY: is the export what the log signed?

Needs Python alone, and none of Strandline's code. EXPORT has the whole stream, as
`strandline export --exact` writes it; SALTS is GET /v1/streams/S/salts; CHECKPOINT the signed note;
KEY a file with the log's public key, which you must have from elsewhere. docs/proofs.md says what
the bytes are.
"""
import base64, datetime, hashlib, json, sys

P, D = 2**255 - 19, -121665 * pow(121666, -1, 2**255 - 19)  # Ed25519, RFC 8032, section 6
Q, I = 2**252 + 27742317777372353535851937790883648493, pow(2, (2**255 - 20) // 4, 2**255 - 19)
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()

def point(raw):
    y, sign = int.from_bytes(raw, "little") & 2**255 - 1, raw[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * I % P
    assert y < P and (x * x - square) % P == 0 and (x or not sign), "no point of the curve"
    return (x, y) if x & 1 == sign else (P - x, y)

def add(a, b):
    t = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P,
            (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P)

def times(n, a):
    total = (0, 1)
    while n:
        total, a, n = add(total, a) if n & 1 else total, add(a, a), n >> 1
    return total

def signed(key, text, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little")
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    return s < Q and times(s, base) == add(point(signature[:32]), times(h % Q, point(key)))

def members(line):  # of a JSON object without white space: name -> (value, its own text)
    found, at, decode = {}, 1, json.JSONDecoder().raw_decode
    while line[at] != "}":
        name, at = decode(line, at + (line[at] == ","))
        value, end = decode(line, at + 1)
        assert name not in found, "a member twice"
        found[name], at = (value, line[at + 1:end]), end
    return found

def leaf(event, salts):
    text = event.get("data", (None, ""))[1].encode()
    form, data = (1, text) if text else (0, b"")
    if "data_base64" in event:
        form, data = 3, base64.b64decode(event["data_base64"][0], validate=True)
    elif text[:1] == b'"' and "json" not in event.get("datacontenttype", ("json",))[0].lower():
        form, data = 2, event["data"][0].encode()
    core = ["type", "id", "source", "subject", "time", "datacontenttype", "dataschema"]
    not_given = {"stream", "offset", "sequence", "stored", "data", "data_base64", "erased"}
    envelope = b""
    for name in core + sorted(set(event) - set(core) - not_given):
        if name in event:
            value, raw = event[name]
            kind = 2 if isinstance(value, bool) else 1 if isinstance(value, int) else 0
            value = (raw if kind else value).encode()
            envelope += bytes([len(name)]) + name.encode() + bytes([kind])
            envelope += len(value).to_bytes(4, "big") + value
    stored = datetime.datetime.fromisoformat(event["stored"][0].replace("Z", "+00:00"))
    since = stored - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    entry = bytes([1]) + event["offset"][0].to_bytes(8, "big")
    entry += (since // datetime.timedelta(microseconds=1)).to_bytes(8, "big")
    entry += sha(b"\1", salts[:16], envelope) + sha(b"\2", salts[16:], bytes([form]), data)
    return sha(b"\0", entry)

def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", root(leaves[:half]), root(leaves[half:]))

def verify(export, salts, checkpoint, key):
    text, signatures = checkpoint.rsplit("\n\n", 1)
    origin, size, signed_root = text.split("\n")[:3]
    name, _, public = key.strip().split("\n")[-1].split("+", 2)
    public = base64.b64decode(public)[1:]
    assert (origin + "/").startswith(name + "/"), f"it is of {origin}, and the key is of {name}"
    wanted = sha(origin.encode(), b"\n\1", public)[:4]
    found = [base64.b64decode(line.split(" ")[2]) for line in signatures.strip("\n").split("\n")
             if line.split(" ")[1] == origin]
    by_key = [one[4:] for one in found if one[:4] == wanted]
    holds = any(signed(public, (text + "\n").encode(), one) for one in by_key)
    assert holds, "the signature does not hold"
    events = [members(line) for line in export.split("\n") if line]
    lines = map(json.loads, salts.strip().split("\n"))
    keyed = {one["offset"]: base64.b64decode(one["salts"]) for one in lines}
    assert [event["offset"][0] for event in events] == list(range(int(size))), \
        f"the export does not have the {size} events that were signed, one after the other"
    tree = root([leaf(event, keyed[event["offset"][0]]) for event in events])
    same = base64.b64encode(tree).decode() == signed_root
    assert same, "the events are not those that were signed"
    return f"{origin}: {size} events, as they were signed"

if __name__ == "__main__":
    try:
        print(verify(*(open(name, encoding="utf-8", newline="").read() for name in sys.argv[1:5])))
    except Exception as error:
        sys.exit(f"REFUSED: {error or type(error).__name__}")
