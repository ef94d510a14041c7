// Command bench is the load rig: it runs an inro server and, beside it, bare
// servers that do only what cannot be avoided, drives both with the same
// client in the same run, and prints operations per second and their ratio.
//
//	bench [-seconds 3] [-keys 1000000] [-only credentials,get,put,sealed,multipart,list,versions,deletes]
//
// The bare server of GET checks the signature and answers from memory; that of
// PUT also appends the body to a preallocated log with group-committed syncs;
// that of the credentials endpoint is a Go TLS server with the same kinds of
// certificates and a body of the same size. Encryption, listings, versions and
// deletions are compared with Inro itself: without encryption, with fewer keys,
// with one version, key by key. Client and servers share the
// machine. Rounds of both servers alternate, and the best round of each counts.
package main
