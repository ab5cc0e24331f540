/* login_worker.h: passwords are checked in a thread of its own, because a check costs milliseconds
 * by design and other sessions must not wait for it.
 *
 * ask puts a question in, the eventfd becomes readable, answer takes answers out, in the order of
 * the questions.  At most LOGIN_CHECKS an account are asked at once, so that there is always room
 * and who knows one name cannot make the others wait: the caller keeps the next one until an answer
 * of that account has come; the thread is niced, so that a flood of
 * logins does not take the CPU of those that are in.
 */
#ifndef NMW_RECV_LOGIN_WORKER_H
#define NMW_RECV_LOGIN_WORKER_H

#include "accounts.h"

#define LOGIN_CHECKS 2u

struct login_worker;

struct login_answer {
	uint32_t who, which; /* as it was asked */
	struct account *account;
	bool ok;
};

struct login_worker *login_worker_start(uint32_t accounts, struct nmw_err *e);
/* Readable when there are answers; belongs to the worker. */
int login_worker_fd(const struct login_worker *w);
/* False: LOGIN_CHECKS of that account are under way. */
bool login_worker_ask(struct login_worker *w, uint32_t who, uint32_t which, struct account *account,
		      const char password[PASSWORD_LEN]);
/* The next answer; false: none now. Empties the eventfd. */
bool login_worker_answer(struct login_worker *w, struct login_answer *a);
/* Forgets what waits, ends the thread. NULL is allowed. */
void login_worker_stop(struct login_worker *w);

#endif
