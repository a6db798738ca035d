// pause is the process that keeps the namespaces of a pod: it waits to be ended, and buries the processes that
// lose their parents where a pod shares its process namespace.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// `kubeadm upgrade` starts a pod of it with this argument, and goes on when that pod has ended.
	if len(os.Args) == 2 && os.Args[1] == "-v" {
		fmt.Println("pause of coe")
		return
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGINT, syscall.SIGTERM)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-ends:
			return
		case <-children:
			// One signal may stand for several children.
			for bury() {
			}
		}
	}
}

// bury takes the exit status of one child that has ended, and says whether there was one.
func bury() bool {
	pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	return err == syscall.EINTR || (err == nil && pid > 0)
}
