#include "base/opt.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A table with a row of every type, and what it writes to. */
static bool strict, quiet;
static const char *out_ring, *accounts, *name;
static uint64_t burst, slots, frames, wait_ns, rate, cpu;
static int mode;
static struct nmw_opt_list in;

static const struct nmw_opt rows[] = {
	{.type = NMW_OPT_GROUP, .help = "Commands:"},
	{.type = NMW_OPT_COMMAND, .name = "list", .arg = "", .help = "what there is"},
	{.type = NMW_OPT_COMMAND, .name = "show", .arg = "[NAME]", .help = "all of it"},
	{.type = NMW_OPT_GROUP, .help = "Rings:"},
	{NMW_OPT_LIST, 'i', "in", "RING", &in, 0, 0, "read this ring"},
	{NMW_OPT_STR, 'o', "out", "RING", &out_ring, 0, 0, "write this ring"},
	{NMW_OPT_STR, 0, "accounts", "FILE", &accounts, 0, 0, "who may log in"},
	{NMW_OPT_U64, 0, "burst", "N", &burst, 1, 256, "messages a burst"},
	{NMW_OPT_COUNT, 'n', "slots", "COUNT", &slots, 2, 1000000, "slots of the ring"},
	{NMW_OPT_SIZE, 0, "frames", "SIZE", &frames, 4096, UINT64_C(1) << 40, "frame area, bytes"},
	{.type = NMW_OPT_END},
};
static const struct nmw_opt more[] = {
	{.type = NMW_OPT_GROUP, .help = "Running:"},
	{NMW_OPT_DURATION, 0, "wait", "TIME", &wait_ns, 0, 0, "how long to wait for a ring"},
	{NMW_OPT_RATE, 0, "rate", "RATE", &rate, 1, 0, "messages a second"},
	{NMW_OPT_ENUM, 0, "wait-mode", "auto|spin|park", &mode, 0, 0, "how to wait"},
	{NMW_OPT_U64, 0, "cpu", "N", &cpu, 0, 1023, "core to run on"},
	{NMW_OPT_STR, 0, "name", "NAME", &name, 0, 8, "name of this instance"},
	{NMW_OPT_FLAG, 's', "strict", NULL, &strict, 0, 0, "stop at the first bad message"},
	{NMW_OPT_FLAG, 'q', "quiet", NULL, &quiet, 0, 0, "no figures"},
	{.type = NMW_OPT_END},
};
static const char *const examples[] = {"nmw-x -i a -o b", "nmw-x file", NULL};
static const struct nmw_opt_spec spec = {
	.tool = "nmw-x",
	.synopsis = "[FILE]...",
	.summary = "Does something.",
	.examples = examples,
	.groups = {rows, more},
	.backends = "pcap itch",
	.max_args = 3,
};

#define ARGS_MAX 32
static char *argv[ARGS_MAX + 1];
static int nargs;
static struct nmw_err err;

static void defaults(void)
{
	strict = quiet = false;
	out_ring = accounts = name = NULL;
	burst = 32;
	slots = 65536;
	frames = 64 << 20;
	wait_ns = 10000000000;
	rate = 0;
	cpu = UINT64_MAX;
	mode = 0;
	memset(&in, 0, sizeof in);
	memset(&err, 0, sizeof err);
}

/* Parses a line whose words have single blanks between them. */
static int parse(const char *line)
{
	static char text[1024];
	int argc = 0;
	defaults();
	snprintf(text, sizeof text, "nmw-x%s%s", *line ? " " : "", line);
	for (char *p = text; p && argc < ARGS_MAX;)
		argv[argc++] = strsep(&p, " ");
	argv[argc] = NULL;
	return nmw_opt_parse(&spec, argc, argv, &nargs, &err);
}

static void runs(const char *line)
{
	int rc = parse(line);
	ck_assert_msg(rc == NMW_OPT_RUN, "%s: %d %s", line, rc, err.msg);
}

static void refused(const char *line, const char *message)
{
	int rc = parse(line);
	ck_assert_msg(rc < 0 && rc == err.err, "%s: %d", line, rc);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_str_eq(err.msg, message);
}

/* What is printed to stdout while parsing a line that ends the program. */
static const char *printed(const char *line)
{
	static char text[16384];
	int fd = memfd_create("printed", 0), saved = dup(STDOUT_FILENO);
	ck_assert_int_ge(fd, 0);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	int rc = parse(line);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	close(saved);
	close(fd);
	ck_assert_msg(rc == NMW_OPT_DONE, "%s: %d %s", line, rc, err.msg);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	return text;
}

/* The words `--config FILE` with that text in the file, which needs no removing. */
static char config_path[64];

static const char *config_file(const char *json)
{
	static char line[128];
	int fd = memfd_create("config", 0);
	ck_assert(write(fd, json, strlen(json)) == (ssize_t)strlen(json));
	snprintf(config_path, sizeof config_path, "/proc/self/fd/%d", fd);
	snprintf(line, sizeof line, "--config %s", config_path);
	return line;
}

START_TEST(nothing_given)
{
	runs("");
	ck_assert_int_eq(nargs, 0);
	ck_assert_uint_eq(burst, 32);
	ck_assert_ptr_null(out_ring);
}
END_TEST

START_TEST(every_spelling)
{
	runs("--in a --in=b -ic -i d --out=o --burst 7 -n10k --frames=1M --wait 1.5s "
	     "--rate=100kpps --wait-mode park --strict -q");
	ck_assert_uint_eq(in.n, 4);
	ck_assert_str_eq(in.v[0], "a");
	ck_assert_str_eq(in.v[1], "b");
	ck_assert_str_eq(in.v[2], "c");
	ck_assert_str_eq(in.v[3], "d");
	ck_assert_str_eq(out_ring, "o");
	ck_assert_uint_eq(burst, 7);
	ck_assert_uint_eq(slots, 10000);
	ck_assert_uint_eq(frames, 1 << 20);
	ck_assert_uint_eq(wait_ns, 1500000000);
	ck_assert_uint_eq(rate, 100000);
	ck_assert_int_eq(mode, 2);
	ck_assert(strict && quiet);
}
END_TEST

START_TEST(arguments_are_permuted)
{
	runs("x --burst 7 y -sq z");
	ck_assert_int_eq(nargs, 3);
	ck_assert_str_eq(argv[1], "x");
	ck_assert_str_eq(argv[2], "y");
	ck_assert_str_eq(argv[3], "z");
	ck_assert(strict && quiet);
	ck_assert_uint_eq(burst, 7);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
	runs("-s -- --quiet -- -");
	ck_assert_int_eq(nargs, 3);
	ck_assert_str_eq(argv[1], "--quiet");
	ck_assert_str_eq(argv[2], "--");
	ck_assert_str_eq(argv[3], "-");
	ck_assert(strict && !quiet);
	runs("-i -- -o -");
	ck_assert_str_eq(in.v[0], "--");
	ck_assert_str_eq(out_ring, "-");
	runs("-");
	ck_assert_int_eq(nargs, 1);
}
END_TEST

START_TEST(letters_in_one_word)
{
	runs("-sqoring -qsn4");
	ck_assert(strict && quiet);
	ck_assert_str_eq(out_ring, "ring");
	ck_assert_uint_eq(slots, 4);
	runs("-so ring");
	ck_assert_str_eq(out_ring, "ring");
}
END_TEST

START_TEST(the_last_one_wins)
{
	runs("--burst 7 --burst 8 --strict --no-strict");
	ck_assert_uint_eq(burst, 8);
	ck_assert(!strict);
	runs("--out a --out a"); /* says the same */
	refused("--out a -o b", "-o: given twice, a and b: leave one out");
}
END_TEST

START_TEST(errors_name_option_value_and_range)
{
	refused("--burst 257", "--burst: 257: out of range: 1..256 allowed");
	refused("--burst=0", "--burst: 0: out of range: 1..256 allowed");
	refused("--burst -5",
		"--burst: -5: not a number: decimal digits, or 0x and hexadecimal ones");
	refused("--burst=", "--burst: (nothing): not a number: decimal digits, or 0x and "
			    "hexadecimal ones");
	refused("-n 64K", "-n: 64K: not a count: digits and one of k M G (decimal), such as 10k");
	refused("--frames 64Kjunk", "--frames: 64Kjunk: not a size: digits and one of K M G T "
				    "(binary), such as 64K");
	refused("--frames 1K", "--frames: 1K: out of range: 4K..1T allowed");
	refused("--wait 10", "--wait: 10: not a duration: a number and one of ns us ms s m h, "
			     "such as 10us");
	refused("--rate 0pps", "--rate: 0pps: out of range: 1pps or more allowed, in 64 bits");
	refused("--wait-mode fast", "--wait-mode: fast: not one of auto|spin|park");
	refused("--wait-mode=", "--wait-mode: (nothing): not one of auto|spin|park");
	refused("--out=", "--out: empty: RING expected");
	refused("--name ../x", "--name: ../x: not a name: 1 to 8 letters, digits, '.', '_' or '-', "
			       "not starting with '.'");
	refused("--name=", "--name: empty: NAME expected");
}
END_TEST

START_TEST(unknown_options_name_the_nearest)
{
	refused("--wiat 1s", "--wiat: no such option: did you mean --wait?");
	refused("--slot=4", "--slot: no such option: did you mean --slots?");
	refused("--wait_mode spin", "--wait_mode: no such option: did you mean --wait-mode?");
	refused("--hepl", "--hepl: no such option: did you mean --help?");
	refused("--frobnicate", "--frobnicate: no such option: nmw-x --help lists them");
	refused("-x", "-x: no such option: nmw-x --help lists them");
	refused("-sxq", "-x: no such option: nmw-x --help lists them");
	refused("--str", "--str: no such option: nmw-x --help lists them");
	refused("--no-burst", "--no-burst: no such option: did you mean --burst?");
	refused("--=3", "--: no such option: nmw-x --help lists them");
}
END_TEST

START_TEST(arguments_of_options)
{
	refused("--burst", "--burst: an argument is missing: N expected");
	refused("-o", "-o: an argument is missing: RING expected");
	refused("-so", "-o: an argument is missing: RING expected");
	refused("--strict=yes", "--strict: takes no argument, \"yes\" found");
	refused("a b c d", "d: one argument too many: at most 3: usage: nmw-x [FILE]...");
}
END_TEST

START_TEST(too_many_of_a_list)
{
	runs("-ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia");
	refused("-ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ia -ib",
		"-i: b: one too many: 16 allowed");
}
END_TEST

/* So that `--log-format json` behind an error still decides how the error is printed. */
START_TEST(the_rest_is_read_after_an_error)
{
	refused("--burst 0 --bogus --wait-mode spin -n1 -s",
		"--burst: 0: out of range: 1..256 allowed");
	ck_assert_int_eq(mode, 1);
	ck_assert(strict);
}
END_TEST

START_TEST(missing_argument)
{
	struct nmw_opt_spec one = spec;
	one.min_args = one.max_args = 1;
	one.synopsis = "SOURCE";
	char tool[] = "nmw-x", *args[] = {tool, NULL};
	defaults();
	ck_assert_int_lt(nmw_opt_parse(&one, 1, args, &nargs, &err), 0);
	ck_assert_str_eq(err.msg, "an argument is missing: usage: nmw-x SOURCE");
}
END_TEST

START_TEST(precedence)
{
	const char *line =
		config_file("{\"burst\": 3, \"slots\": \"4k\", \"in\": [\"c1\", \"c2\"],"
			    " \"wait_mode\": \"spin\", \"strict\": true, \"out\": null}");
	char with[256];
	runs(line);
	ck_assert_uint_eq(burst, 3);
	ck_assert_uint_eq(slots, 4000);
	ck_assert_uint_eq(in.n, 2);
	ck_assert_str_eq(in.v[1], "c2");
	ck_assert_int_eq(mode, 1);
	ck_assert(strict);
	ck_assert_ptr_null(out_ring);
	setenv("NMW_BURST", "5", 1);
	setenv("NMW_IN", "e1,e2,e3", 1);
	setenv("NMW_STRICT", "false", 1);
	setenv("NMW_WAIT", "", 1); /* empty: as if it were not there */
	runs(line);
	ck_assert_uint_eq(burst, 5);
	ck_assert_uint_eq(slots, 4000);
	ck_assert_uint_eq(in.n, 3);
	ck_assert_str_eq(in.v[2], "e3");
	ck_assert(!strict);
	ck_assert_uint_eq(wait_ns, 10000000000);
	snprintf(with, sizeof with, "--burst 7 -i a1 %s", line);
	runs(with);
	ck_assert_uint_eq(burst, 7);
	ck_assert_uint_eq(in.n, 1);
	ck_assert_str_eq(in.v[0], "a1");
}
END_TEST

START_TEST(the_environment_can_be_wrong)
{
	setenv("NMW_FRAMES", "64Kjunk", 1);
	refused("", "NMW_FRAMES: 64Kjunk: not a size: digits and one of K M G T (binary), such as "
		    "64K");
	unsetenv("NMW_FRAMES");
	setenv("NMW_WAIT_MODE", "fast", 1);
	refused("--wait-mode spin", "NMW_WAIT_MODE: fast: not one of auto|spin|park");
	setenv("NMW_WAIT_MODE", "spin", 1);
	setenv("NMW_QUIET", "maybe", 1);
	refused("", "NMW_QUIET: maybe found, true or false expected");
	setenv("NMW_QUIET", "1", 1);
	refused("", "NMW_QUIET: 1 found, true or false expected");
}
END_TEST

/* The file's name leads every message; it is left out here. */
static void config_refused(const char *json, const char *message)
{
	int rc = parse(config_file(json));
	ck_assert_msg(rc < 0, "%s", json);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	size_t n = strlen(config_path);
	ck_assert(!strncmp(err.msg, config_path, n) && !strncmp(err.msg + n, ": ", 2));
	ck_assert_str_eq(err.msg + n + 2, message);
}

START_TEST(the_config_can_be_wrong)
{
	config_refused("{\"burts\": 3}", "burts: unknown key: did you mean burst?");
	config_refused("{\"wait-mode\": \"spin\"}",
		       "wait-mode: unknown key: did you mean wait_mode?");
	config_refused("{\"burst\": 300}", "burst: 300: out of range: 1..256 allowed");
	config_refused("{\"burst\": -1}", "burst: -1: not a number: decimal digits, or 0x and "
					  "hexadecimal ones");
	config_refused("{\"burst\": 1.5}", "burst: a fraction found, a string or a whole "
					   "number expected");
	config_refused("{\"burst\": [1]}", "burst: a list found, one value expected");
	config_refused("{\"strict\": 1}", "strict: a number found, true or false expected");
	config_refused("{\"strict\": \"yes\"}", "strict: a string found, true or false expected");
	config_refused("{\"strict\": [true]}", "strict: a list found, true or false expected");
	config_refused("{\"out\": true}", "out: true found, a string or a whole number expected");
	config_refused("[]", "a list found, an object expected");
	config_refused("{\"out\": \"\"}", "out: string of 0 bytes, 1..4095 allowed");
	ck_assert_int_lt(parse(config_file("{\n\"burst\" 3}")), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "line 2, column 9"));
	ck_assert_int_lt(parse(config_file("{\"burst\": 3, \"burst\": 4}")), 0);
	ck_assert_int_lt(parse("--config /nonexistent"), 0);
	ck_assert_str_eq(err.msg, "--config: /nonexistent: cannot open: No such file or directory: "
				  "check the path");
}
END_TEST

START_TEST(help)
{
	setenv("NMW_BURST", "99", 1); /* help shows the default, not what took effect */
	const char *text = printed("--slots 4 --help --bogus");
	ck_assert_str_eq(
		text, "usage: nmw-x [FILE]...\n"
		      "Does something.\n"
		      "Commands:\n"
		      "  list                   what there is\n"
		      "  show [NAME]            all of it\n"
		      "Rings:\n"
		      "  -i, --in RING          read this ring\n"
		      "  -o, --out RING         write this ring\n"
		      "      --accounts FILE    who may log in\n"
		      "      --burst N          messages a burst [32]\n"
		      "  -n, --slots COUNT      slots of the ring [65536]\n"
		      "      --frames SIZE      frame area, bytes [64M]\n"
		      "Running:\n"
		      "      --wait TIME        how long to wait for a ring [10s]\n"
		      "      --rate RATE        messages a second\n"
		      "      --wait-mode auto|spin|park  how to wait [auto]\n"
		      "      --cpu N            core to run on\n"
		      "      --name NAME        name of this instance\n"
		      "  -s, --strict           stop at the first bad message\n"
		      "  -q, --quiet            no figures\n"
		      "      --config FILE      options as a JSON object; in the environment they "
		      "are NMW_NAME\n"
		      "      --print-config     print the options as they took effect, as "
		      "JSON\n"
		      "      --completion bash  print a completion script\n"
		      "  -h, --help             print this\n"
		      "  -V, --version          print the version and the back ends\n"
		      "Examples:\n"
		      "  nmw-x -i a -o b\n"
		      "  nmw-x file\n");
}
END_TEST

/* Typed, whatever the value; what the environment says is not. */
START_TEST(what_was_given)
{
	setenv("NMW_SLOTS", "4", 1);
	runs("--burst 32 -i a --no-quiet --name=x");
	ck_assert(nmw_opt_given(&burst) && nmw_opt_given(&in) && nmw_opt_given(&quiet));
	ck_assert(nmw_opt_given(&name));
	ck_assert(!nmw_opt_given(&slots) && !nmw_opt_given(&strict) && !nmw_opt_given(NULL));
	runs("");
	ck_assert(!nmw_opt_given(&burst));
	unsetenv("NMW_SLOTS");
}
END_TEST

START_TEST(version)
{
	const char *text = printed("-V");
	ck_assert(!strncmp(text, "nmw-x " NMW_VERSION "\n", strlen("nmw-x " NMW_VERSION "\n")));
	ck_assert_ptr_nonnull(strstr(text, "back ends: pcap itch\n"));
}
END_TEST

START_TEST(completion)
{
	const char *text = printed("--completion bash");
	ck_assert_ptr_nonnull(strstr(text, "--wait-mode) words='auto spin park' ;;"));
	ck_assert_ptr_nonnull(strstr(text, "\t\t*) words='list show' ;;"));
	ck_assert_ptr_nonnull(strstr(text, "complete -o default -F _nmw_x nmw-x"));
	refused("--completion zsh", "--completion: zsh: not one of bash");
}
END_TEST

START_TEST(a_name_behind_an_option_is_its_value)
{
	runs("--out --help");
	ck_assert_str_eq(out_ring, "--help");
	runs("-- --help");
	ck_assert_int_eq(nargs, 1);
}
END_TEST

/* What --print-config prints, --config takes back. */
START_TEST(print_config)
{
	static char first[16384];
	const char *text = printed("--print-config -i a -i b --wait 1500ms --rate 3Mpps "
				   "--frames 128K --wait-mode park -s --cpu 3 -n1M -o \xc3\xa9");
	snprintf(first, sizeof first, "%s", text);
	ck_assert_ptr_nonnull(strstr(first, "\"frames\": \"128K\""));
	ck_assert_ptr_nonnull(strstr(first, "\"wait\": \"1500ms\""));
	ck_assert_ptr_nonnull(strstr(first, "\"slots\": 1000000"));
	ck_assert_ptr_nonnull(strstr(first, "\"strict\": true"));
	char line[256];
	snprintf(line, sizeof line, "--print-config %s", config_file(first));
	ck_assert_str_eq(printed(line), first);
	snprintf(first, sizeof first, "%s", printed("--print-config"));
	ck_assert_ptr_nonnull(strstr(first, "\"cpu\": null"));
	ck_assert_ptr_nonnull(strstr(first, "\"rate\": null"));
	snprintf(line, sizeof line, "--print-config %s", config_file(first));
	ck_assert_str_eq(printed(line), first);
	refused("--print-config --burst 0", "--burst: 0: out of range: 1..256 allowed");
}
END_TEST

/* A full disk behind `--help >file` is an error, not silence. */
START_TEST(stdout_that_cannot_be_written)
{
	int full = open("/dev/full", O_WRONLY), saved = dup(STDOUT_FILENO);
	ck_assert_int_ge(full, 0);
	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	int rc = parse("--help");
	dup2(saved, STDOUT_FILENO);
	clearerr(stdout);
	ck_assert_int_eq(rc, -EIO);
	ck_assert_int_eq(err.exit, NMW_EXIT_FAILED);
	ck_assert_str_eq(err.msg, "stdout: cannot write: No space left on device");
}
END_TEST

UNIT_MAIN("opt", nothing_given, every_spelling, arguments_are_permuted, two_dashes_end_the_options,
	  letters_in_one_word, the_last_one_wins, errors_name_option_value_and_range,
	  unknown_options_name_the_nearest, arguments_of_options, too_many_of_a_list,
	  the_rest_is_read_after_an_error, missing_argument, precedence,
	  the_environment_can_be_wrong, the_config_can_be_wrong, help, what_was_given, version,
	  completion, a_name_behind_an_option_is_its_value, print_config,
	  stdout_that_cannot_be_written)
