// Command s3tests runs ceph/s3-tests against a fresh inro server and writes
// which tests pass and why the others do not.
//
//	run [--suite DIR] [--workers N] [--timeout SECONDS] [--failures FILE] [pytest arguments]
//
// It starts the server in a temporary folder, makes the accounts that the suite
// asks for (a set of its own for every worker, as the suite removes roles and
// users that it did not make), writes a configuration for each worker, lists
// the tests, deals them to the workers, and compares the outcome with
// reasons.toml. Without pytest arguments it writes results.md.
//
// A test that neither passes nor has a reason makes it end with status 1.
package main
