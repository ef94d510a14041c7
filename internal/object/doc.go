// Package object is the local object engine: buckets, objects, uploads in parts
// and conditional writes, in one data folder of one process.
package object
