// nmw_wire_reject.vh: why a message is rejected, as NMW_MSG_REJECT says it: 1 + enum nmw_reject of the
// software (libcommon/device/wire.c compares them), 0: it is not. A list of NAME = decimal, see
// nmw_params.vh.
NMW_WIRE_REJ_OTHER = 1,
NMW_WIRE_REJ_HALTED = 2,
NMW_WIRE_REJ_CLOSED = 3,
NMW_WIRE_REJ_SYMBOL = 4,
NMW_WIRE_REJ_PRICE = 5,
NMW_WIRE_REJ_QTY = 6,
NMW_WIRE_REJ_MIN_QTY = 7,
NMW_WIRE_REJ_DISPLAY = 8,
NMW_WIRE_REJ_SIDE = 9,
NMW_WIRE_REJ_TIF = 10,
NMW_WIRE_REJ_CAPACITY_CODE = 11,
NMW_WIRE_REJ_CROSS = 12,
NMW_WIRE_REJ_ISO = 13,
NMW_WIRE_REJ_PEG = 14,
NMW_WIRE_REJ_ROUTING = 15,
NMW_WIRE_REJ_FAT_FINGER = 16,
NMW_WIRE_REJ_RISK = 17,
NMW_WIRE_REJ_REPLACE = 18
