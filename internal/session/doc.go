// Package session mints and opens short-lived credentials. A session is not
// stored: the session token is the session, sealed.
package session
