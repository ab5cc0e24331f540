#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static FILE *out;

int bench_json_open(const char *path)
{
	out = fopen(path, "w");
	if (!out)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return out ? 0 : -1;
}

void bench_json(const char *bench, const char *name, const char *metric, double value,
		const char *unit, const char *peer)
{
	if (!out)
		return;
	fprintf(out,
		"{\"bench\":\"%s\",\"case\":\"%s\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%"
		"s\"",
		bench, name, metric, value, unit);
	if (peer)
		fprintf(out, ",\"peer\":\"%s\"", peer);
	fprintf(out, "}\n");
	fflush(out);
}
