package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// What the kubelet mounts into every pod.
const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

// watchFor is how long one watch lasts. What a watch has missed is found at the latest after it.
const watchFor = time.Minute

// node is what matters here of a node as the API server describes it.
type node struct {
	Metadata struct {
		Name            string
		ResourceVersion string
	}
	Spec struct {
		PodCIDR string
	}
	Status struct {
		Addresses []struct{ Type, Address string }
	}
}

func (n node) address() string {
	for _, address := range n.Status.Addresses {
		if address.Type == "InternalIP" {
			return address.Address
		}
	}
	return ""
}

// cluster is as much of a client of the API server as this program needs.
type cluster struct {
	server string
	client http.Client
}

func newCluster() (*cluster, error) {
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %sca.crt", account)
	}
	return &cluster{
		server: "https://" + net.JoinHostPort(required("KUBERNETES_SERVICE_HOST"), required("KUBERNETES_SERVICE_PORT")),
		client: http.Client{
			// A server that is gone without a word must not be listened to for ever.
			Timeout: watchFor + 10*time.Second,
			Transport: &http.Transport{
				TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
				DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				TLSHandshakeTimeout: 5 * time.Second,
			},
		},
	}, nil
}

func (c *cluster) get(path string) (io.ReadCloser, error) {
	// Read each time, for the kubelet puts a new one there before the old one ends.
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodGet, c.server+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("%s is answered with %s", path, answer.Status)
	}
	return answer.Body, nil
}

// follow calls apply with the nodes that there are, and again whenever they change, until the watch ends or apply fails.
func (c *cluster) follow(apply func(map[string]node) error) error {
	nodes, version, err := c.list()
	if err != nil {
		return err
	}
	if err := apply(nodes); err != nil {
		return err
	}
	events, err := c.get(fmt.Sprintf("/api/v1/nodes?watch=1&resourceVersion=%s&timeoutSeconds=%d", version, int(watchFor.Seconds())))
	if err != nil {
		return err
	}
	defer events.Close()
	decoder := json.NewDecoder(events)
	for {
		var event struct {
			Type   string
			Object node
		}
		// However a watch ends, the next list knows what there is.
		if err := decoder.Decode(&event); err != nil {
			return nil
		}
		switch name := event.Object.Metadata.Name; event.Type {
		case "ADDED", "MODIFIED":
			// A node tells every few seconds that it lives.
			if known := nodes[name]; known.Spec == event.Object.Spec && known.address() == event.Object.address() {
				continue
			}
			nodes[name] = event.Object
		case "DELETED":
			delete(nodes, name)
		default:
			return fmt.Errorf("the watch ends with %s", event.Type)
		}
		if err := apply(nodes); err != nil {
			return err
		}
	}
}

func (c *cluster) list() (map[string]node, string, error) {
	body, err := c.get("/api/v1/nodes")
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	var list struct {
		Metadata struct{ ResourceVersion string }
		Items    []node
	}
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, "", err
	}
	nodes := make(map[string]node, len(list.Items))
	for _, item := range list.Items {
		nodes[item.Metadata.Name] = item
	}
	return nodes, list.Metadata.ResourceVersion, nil
}
