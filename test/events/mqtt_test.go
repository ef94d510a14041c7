package events

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/eclipse/paho.golang/paho"
)

// subscribe connects to Mosquitto with a session that outlives the connection, and
// the broker.
func subscribe(t *testing.T, port string, r *receiver) {
	t.Helper()
	await(t, "subscribe", func(ctx context.Context) error {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		client := paho.NewClient(paho.ClientConfig{
			Conn: conn, ClientID: "receiver",
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
				r.bodies <- p.Packet.Payload
				return true, nil
			}},
		})
		keep := uint32(3600)
		_, err = client.Connect(ctx, &paho.Connect{ClientID: "receiver", KeepAlive: 30, Username: "inro", UsernameFlag: true, Password: []byte("secret"), PasswordFlag: true,
			Properties: &paho.ConnectProperties{SessionExpiryInterval: &keep}})
		if err == nil {
			_, err = client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "inro/events", QoS: 1}}})
		}
		if err != nil {
			conn.Close()
			return err
		}
		t.Cleanup(func() { conn.Close() })
		return nil
	})
}

func TestMQTT(t *testing.T) {
	find(t, "mosquitto")
	dir, port := t.TempDir(), freePort(t)
	passwords := filepath.Join(dir, "passwords")
	if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "inro", "secret").CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
	}
	conf := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous false\npassword_file %s\npersistence true\npersistence_location %s/\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n",
		port, passwords, dir)
	if os.Getuid() == 0 {
		conf += "user root\n"
	}
	path := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var broker *process
	r := newReceiver(t)
	up := func() {
		broker = run(t, nil, "mosquitto", "-c", path)
		subscribe(t, port, r)
	}
	up()
	server := start(t, "type = \"mqtt\"\nurl = \"mqtt://127.0.0.1:"+port+"\"\ntopic = \"inro/events\"\nusername = \"inro\"\npassword_file = \""+secret(t, "secret")+"\"")
	if got := r.next(); !got.test {
		t.Errorf("got %+v, want the test event", got)
	}
	r.wantUpload(server)
	r.outage(server, func() { broker.stop() }, up)
}
