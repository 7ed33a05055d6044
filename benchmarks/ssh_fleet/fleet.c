/* fleet N HOSTKEY COMMAND: listen on 127.1.(i/250).(i%250):2222 for i in 1..N; each connection gets
   `dropbear -i`, whose login shell is COMMAND. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int n = atoi(argv[1]), ep = epoll_create1(EPOLL_CLOEXEC), one = 1;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < n; i++) {
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); char ip[32];
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(2222)};
        snprintf(ip, sizeof ip, "127.1.%d.%d", (i + 1) / 250, (i + 1) % 250); inet_pton(AF_INET, ip, &a.sin_addr);
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(s, (void *)&a, sizeof a) || listen(s, 64)) { perror(ip); return 1; }
        struct epoll_event e = {.events = EPOLLIN, .data.fd = s}; epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
    }
    for (;;) {
        struct epoll_event ev[64]; int k = epoll_wait(ep, ev, 64, -1);
        for (int i = 0; i < k; i++) {
            int c = accept(ev[i].data.fd, 0, 0);
            if (c < 0) continue;
            if (vfork() == 0) {
                dup2(c, 0); dup2(c, 1); close(c);
                execl("/usr/sbin/dropbear", "dropbear", "-i", "-r", argv[2], "-c", argv[3], "-m", (char *)0); _exit(127);
            }
            close(c);
        }
    }
}
