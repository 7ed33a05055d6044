/* Stand in for a router: an IOS-like command line on a pty. FLEETDIR holds NNN.cfg; which one is
   said by the last two octets of the address the client came to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
int main(void) {
    char line[1024], name[64], path[512]; int b = 0, c = 0, n = 0;
    const char *conn = getenv("SSH_CONNECTION"), *dir = FLEETDIR;
    if (conn) sscanf(conn, "%*s %*s 127.1.%d.%d", &b, &c);
    n = b * 250 + c;
    snprintf(name, sizeof name, "rtr-%03d#", n);
    struct termios t;
    if (tcgetattr(0, &t) == 0) { t.c_lflag &= ~(ECHO | ICANON); t.c_iflag |= ICRNL; t.c_oflag &= ~OPOST; tcsetattr(0, TCSANOW, &t); }
    static char out[1 << 16]; setvbuf(stdout, out, _IOFBF, sizeof out);
    printf("\r\n%s", name); fflush(stdout);
    for (;;) {
        int k = 0; char ch = 0;
        while (k < (int)sizeof line - 1 && ch != '\n') {          /* echo what is typed, as a device does */
            static char in[512]; static int have, at;
            if (at == have) { at = 0; if ((have = read(0, in, sizeof in)) <= 0) return 0; }
            for (; at < have && ch != '\n'; at++) {
                ch = in[at] == '\r' ? '\n' : in[at];
                if (ch == '\n') fputs("\r\n", stdout); else { putchar(ch); if (k < (int)sizeof line - 1) line[k++] = ch; }
            }
            fflush(stdout);
        }
        line[k] = 0;
        if (!strncmp(line, "sh", 2) && strstr(line, "run")) {
            fputs("Building configuration...\r\n\r\n", stdout); fflush(stdout);
            snprintf(path, sizeof path, "%s/%03d.cfg", dir, n);
            FILE *f = fopen(path, "r"); static char buf[1 << 16]; size_t r;
            while (f && (r = fread(buf, 1, sizeof buf, f)) > 0) fwrite(buf, 1, r, stdout);
            if (f) fclose(f);
        } else if (!strncmp(line, "show version", 12)) {
            fputs("Cisco IOS Software, ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 15.5(3)M, RELEASE SOFTWARE\r\n"
                  "ROM: IOS-XE ROMMON\r\nuptime is 1 year\r\ncisco ISR4451 (2RU) processor with 1687137K/6147K bytes of memory.\r\nProcessor board ID FOC1\r\n"
                  "Configuration register is 0x2102\r\n\r\n", stdout);
        } else if (!strcmp(line, "exit") || !strcmp(line, "quit") || !strcmp(line, "logout")) { fflush(stdout); return 0;
        } else if (!strncmp(line, "show", 4) || !strncmp(line, "dir", 3) || !strncmp(line, "more", 4) || !strncmp(line, "write", 5))
            fputs("                     ^\r\n% Invalid input detected at '^' marker.\r\n\r\n", stdout);
        printf("%s", name); fflush(stdout);
    }
}
