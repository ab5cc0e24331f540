/* engine_back.h: the books behind the engine: its own, or beside them those that a device holds
 * (held.h).
 *
 * engine_run.c, engine_entry.c, engine_order.c and engine_feed.c are compiled twice: as they are,
 * and (held_*.c) with NMW_ENGINE_HELD, under other names and with these functions as they are in
 * the second half here.  So nothing is written twice, and a message to the software engine does not
 * pay for a device.  Included by engine_impl.h.
 */
#ifndef NMW_BOOK_ENGINE_BACK_H
#define NMW_BOOK_ENGINE_BACK_H

#ifdef NMW_ENGINE_HELD
#define nmw_engine_codec_of	 nmw_engine_codec_of_held
#define nmw_engine_session_of	 nmw_engine_session_of_held
#define nmw_run_day		 nmw_run_day_held
#define nmw_run_burst		 nmw_run_burst_held
#define nmw_run_end		 nmw_run_end_held
#define nmw_entry_is		 nmw_entry_is_held
#define nmw_entry_burst		 nmw_entry_burst_held
#define nmw_order_chain_last	 nmw_order_chain_last_held
#define nmw_order_unchain	 nmw_order_unchain_held
#define nmw_order_cancel	 nmw_order_cancel_held
#define nmw_order_cover_session	 nmw_order_cover_session_held
#define nmw_order_cancel_session nmw_order_cancel_session_held
#define nmw_timers_run		 nmw_timers_run_held
#define nmw_feed_apply		 nmw_feed_apply_held
#endif

enum nmw_ahead {
	NMW_AHEAD_NOT,	  /* the message was not looked at ahead of its turn */
	NMW_AHEAD_LOOKED, /* its new id, if it has one, is used: nmw_in.use */
	NMW_AHEAD_SENT,	  /* its command is on its way as well */
};

#endif
