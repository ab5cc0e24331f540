"""ouch_fields.py PDML JSONL: every OUCH message that tshark decoded, field by field, beside the line
that nmw-send jsonl: wrote for it; in order, none missing on either side, no field on one side only."""
import json
import sys
import xml.etree.ElementTree as ET

RENAMED = {  # name in the JSON line -> tshark's, where they differ
    "type": "packet_type", "side": "buy_sell_indicator", "time_in_force": "tif",
    "iso": "iso_eligible", "bbo_weight": "bbo_weight_indicator",
}
REASON = {"C": "cancel_reason", "D": "cancel_reason", "J": "reject_reason",
          "B": "broken_trade_reason", "F": "trade_correction_reason"}
NUMBERS = {"timestamp", "match_number", "order_reference_number"}  # strings in JSON
ENVELOPE = {"seq", "ts_ns", "in_seq", "session", "channel", "codec", "name"}


def tshark_messages(path):
    for _, el in ET.iterparse(path):
        if el.tag != "packet":
            continue
        for proto in el.iter("proto"):
            if proto.get("name") != "ouch":
                continue
            fields = {}
            for f in proto.iter("field"):
                name = f.get("name", "")
                if name.startswith("ouch."):
                    fields[name[5:]] = bytes.fromhex(f.get("value"))
            yield fields
        el.clear()


def our_messages(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            m = json.loads(line)
            if m["codec"] == "ouch42":
                yield m


def expected(m):
    """What tshark should show: {name: int or text}."""
    out = {}
    for name, v in m.items():
        if name in ENVELOPE:
            continue
        if name == "reason":
            name = REASON[m["type"]]
        elif name.endswith("price") or name in NUMBERS:
            v = int(v.replace(".", ""))
        out[RENAMED.get(name, name)] = v
    return out


def main(pdml, jsonl):
    theirs, ours = tshark_messages(pdml), our_messages(jsonl)
    count = fields = 0
    for m in ours:
        t = next(theirs, None)
        if t is None:
            sys.exit(f"message {count + 1}: tshark shows no more, expected {m}")
        want = expected(m)
        got = {k: int.from_bytes(v, "big") if isinstance(want.get(k), int)
               else v.decode("ascii").rstrip(" ") for k, v in t.items()}
        if got != want:
            sys.exit(f"message {count + 1}:\n  tshark {got}\n  jsonl  {want}")
        count += 1
        fields += len(want)
    if next(theirs, None) is not None:
        sys.exit(f"tshark shows more than the {count} messages of {jsonl}")
    if not count:
        sys.exit("no OUCH message at all")
    print(f"{count} OUCH messages, {fields} fields equal")


main(sys.argv[1], sys.argv[2])
