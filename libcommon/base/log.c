#include "base/log.h"
#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SZ 1280 /* bytes of the longest line */
#define TEXT_SZ (NMW_ERR_MAX + 64)

static struct {
	const char *tool;
	enum nmw_log_level level;
	enum nmw_log_format format;
	bool drawn; /* a progress line stands on the terminal */
} log_state = {NULL, NMW_LOG_INFO, NMW_LOG_TEXT, false};

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_marks[] = {"", "warning: ", "", "debug: "};

void nmw_log_init(const char *tool, enum nmw_log_level level, enum nmw_log_format format)
{
	log_state.tool = tool;
	log_state.level = level;
	log_state.format = format;
}

/* One write(2), so that lines of several processes do not mix; what stderr does not take is lost:
 * there is nowhere to say so. */
static void put(const char *line, size_t n)
{
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
}

static const char *tool_name(void)
{
	return log_state.tool ? log_state.tool : program_invocation_short_name;
}

static size_t text_line(char *line, enum nmw_log_level level, const char *msg)
{
	const char *wipe = log_state.drawn ? "\r\033[K" : "";
	int n = snprintf(line, LINE_SZ, "%s%s: %s%s", wipe, tool_name(), level_marks[level], msg);
	size_t len = n < LINE_SZ - 1 ? (size_t)n : LINE_SZ - 2;
	log_state.drawn = false;
	for (char *p = line + strlen(wipe); p < line + len; p++) /* names of files and rings */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return len;
}

static size_t json_line(char *line, enum nmw_log_level level, const char *msg, int status)
{
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	char stamp[32], tool[64], text[LINE_SZ - 256], code[24] = "";
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	nmw_json_escape(tool, sizeof tool, tool_name(), strlen(tool_name()));
	nmw_json_escape(text, sizeof text, msg, strlen(msg));
	if (status >= 0)
		snprintf(code, sizeof code, ",\"exit\":%d", status);
	int n = snprintf(line, LINE_SZ,
			 "{\"ts\":\"%s.%06ldZ\",\"level\":\"%s\",\"tool\":\"%s\",\"msg\":\"%s\"%s}",
			 stamp, now.tv_nsec / 1000, level_names[level], tool, text, code);
	return (size_t)n;
}

static void emit(enum nmw_log_level level, const char *msg, int status)
{
	char line[LINE_SZ];
	size_t n = log_state.format == NMW_LOG_JSON ? json_line(line, level, msg, status)
						    : text_line(line, level, msg);
	line[n++] = '\n';
	put(line, n);
}

void nmw_log(enum nmw_log_level level, const char *fmt, ...)
{
	char msg[TEXT_SZ];
	if (level > log_state.level)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	emit(level, msg, -1);
}

void nmw_log_limited(struct nmw_log_limit *l, enum nmw_log_level level, const char *fmt, ...)
{
	char msg[TEXT_SZ];
	if (level > log_state.level)
		return;
	uint64_t now = nmw_clock_mono();
	if (now < l->next_ns) {
		l->held++;
		return;
	}
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	if (l->held && n >= 0 && (size_t)n < sizeof msg)
		snprintf(msg + n, sizeof msg - (size_t)n, " (%llu more of these)",
			 (unsigned long long)l->held);
	l->held = 0;
	l->next_ns = now + NMW_NS_PER_S;
	emit(level, msg, -1);
}

int nmw_log_err(const struct nmw_err *e)
{
	emit(NMW_LOG_ERROR, e->msg[0] ? e->msg : strerror(e->err < 0 ? -e->err : e->err),
	     (int)e->exit);
	return (int)e->exit;
}

void nmw_log_progress(const char *fmt, ...)
{
	char line[256] = "\r\033[K";
	const size_t wipe = 4;
	if (log_state.format == NMW_LOG_JSON || !isatty(STDERR_FILENO))
		return;
	if (!fmt && !log_state.drawn)
		return;
	log_state.drawn = fmt != NULL;
	if (fmt) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(line + wipe, sizeof line - wipe, fmt, ap);
		va_end(ap);
	}
	put(line, strlen(line));
}
