// Package crash kills a server under load, starts it again and checks that
// what it had acknowledged is there: every write with its bytes and ETag, every
// delete gone, and what was in flight whole or not at all.
//
// INRO_CRASH_ROUNDS is the number of rounds (default 20), INRO_CRASH_SEED the
// seed, which a failure prints.
package crash
