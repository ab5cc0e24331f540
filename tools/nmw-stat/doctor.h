/* doctor.h: what this host has for the tools, what is missing, and the command that mends it. */
#ifndef NMW_STAT_DOCTOR_H
#define NMW_STAT_DOCTOR_H

enum doctor_says {
	DOCTOR_OK = 0,
	DOCTOR_SLOWER = 1, /* works, with less speed or room */
	DOCTOR_LACKS = 2,  /* something does not work without it */
};

struct doctor_row {
	const char *what; /* "io_uring" */
	enum doctor_says says;
	char found[160], expected[96];
	char command[256]; /* that mends it; "" when all is well */
};

#define DOCTOR_ROWS 24u

/* Looks; changes nothing. Returns the rows. */
unsigned doctor_look(struct doctor_row rows[DOCTOR_ROWS]);

#endif
