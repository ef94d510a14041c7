// Package events drives the binary with real webhooks and brokers: Mosquitto,
// nats-server and RabbitMQ. Each is started on loopback with a data folder of
// its own; test/clients installs them. A change must arrive with the right
// content; while a target is down nothing may wait for it, and what happened
// meanwhile must arrive afterwards, even if the server was killed.
package events
