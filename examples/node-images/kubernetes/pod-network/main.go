// pod-network lets the pods of a cluster reach one another, by what the kernel has: routes. It runs on every node and
//
//   - tells the node's container runtime which addresses its pods get (ptp and host-local, from the node's podCIDR),
//   - keeps a route to the pods of every other node, by way of that node's address,
//   - masquerades what pods send out of the network of pods.
//
// The nodes have to be in one network, where each reaches the others without a router between. IPv4 only.
package main

import (
	"log"
	"os"
	"time"
)

// retryAfter is how long a failure keeps: long enough not to fill the log, and much less than a person waits.
const retryAfter = time.Second

func main() {
	// The container runtime keeps the time of each line.
	log.SetFlags(0)
	network := podNetwork{ownName: required("NODE_NAME"), subnet: required("POD_SUBNET")}
	cluster, err := newCluster()
	if err != nil {
		log.Fatal(err)
	}
	for {
		if err := cluster.follow(network.apply); err != nil {
			log.Print(err)
			time.Sleep(retryAfter)
		}
	}
}

func required(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}
