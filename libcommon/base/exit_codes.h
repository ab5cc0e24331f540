/* exit_codes.h: what a tool's exit status means.  One list; the man pages quote it. */
#ifndef NMW_BASE_EXIT_CODES_H
#define NMW_BASE_EXIT_CODES_H

enum nmw_exit {
	NMW_EXIT_OK = 0,       /* finished or drained */
	NMW_EXIT_FAILED = 1,   /* failed: an error that none of the others names */
	NMW_EXIT_USAGE = 2,    /* usage or configuration */
	NMW_EXIT_DATA = 3,     /* bad data under --strict or --check */
	NMW_EXIT_PERM = 4,     /* not permitted */
	NMW_EXIT_RESOURCE = 5, /* a resource is missing: hugepages, device, memory, disk */
	NMW_EXIT_PEER = 6,     /* a peer is missing, incompatible, corrupt, died or failed */
	NMW_EXIT_LOSS = 7,     /* stopped with loss */
};

#endif
