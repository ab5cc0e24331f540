/* Makes a flow of orders (wl.h) for bench_book and bench_stage to read.
 *
 *     bench_flow [-s SYMBOLS] [-l LIVE] [-n MESSAGES] [-z] [-r SEED] FILE
 *
 * LIVE: orders on the books of the busiest symbol before the timed messages; -z: the other symbols
 * follow by 1 / rank, else all are alike.  The same arguments make the same bytes.
 */
#include "wl.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool write_flow(const struct wl *w, const char *path)
{
	size_t messages = w->head.prefill + w->head.timed;
	FILE *f = fopen(path, "wb");
	bool good = f && fwrite(&w->head, sizeof w->head, 1, f) == 1 &&
		    fwrite(w->msg, sizeof *w->msg, messages, f) == messages;
	if (f)
		good = fclose(f) == 0 && good;
	return good;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: bench_flow [-s SYMBOLS] [-l LIVE] [-n MESSAGES] [-z] [-r SEED] FILE\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct wl_spec spec = {.symbols = 1, .messages = 1000000, .live = 4000, .seed = 23};
	struct wl w;
	for (int c; (c = getopt(argc, argv, "s:l:n:zr:")) != -1;) {
		unsigned long v = optarg ? strtoul(optarg, NULL, 10) : 0;
		if (c == 's')
			spec.symbols = (uint32_t)v;
		else if (c == 'l')
			spec.live = (uint32_t)v;
		else if (c == 'n')
			spec.messages = (uint32_t)v;
		else if (c == 'r')
			spec.seed = v;
		else if (c == 'z')
			spec.zipf = 1;
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	if (wl_make(&w, argv[optind], &spec))
		return 1;
	bool good = write_flow(&w, argv[optind]);
	if (!good)
		perror(argv[optind]);
	wl_free(&w);
	return !good;
}
