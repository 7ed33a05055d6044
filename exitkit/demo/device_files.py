"""Write the configurations of the demo's two routers, with what is planted in them."""

from __future__ import annotations

from exitkit.demo.device_configuration import IosState

EDGE_SECRETS = (
    "c0mmunity-ro-7Qm2", "c0mmunity-rw-9Xp4", "094F471A1A0A3E5B0D4C", "tacacs-8Hn3-shared",
    "$9$nhEmQVczB7dqsO$X.HsgL6x1il0RxkOSSvyQYwucySCt7qFm4v7pqCxkKM",
    "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfco", "ntp-5Tr8-auth",
)  # fmt: skip
"""Values that must appear in no byte of any output."""

EDGE_LICENSES = {"ipbasek9": "Permanent", "securityk9": "Subscription"}
EDGE_USERS = ("operator", "backup")
EDGE_SERIAL = "9EXITKIT001"
SPARE_SERIAL = "9EXITKIT002"

_INTERFACES = "".join(
    f"interface GigabitEthernet0/{number}\n description {name}\n"
    f" ip address 10.{10 + number}.0.1 255.255.255.0\n ip access-group {name}-in in\n!\n"
    for number, name in enumerate(("core", "branch", "dmz", "voice"), 1)
)
_ACCESS_LISTS = "".join(
    f"ip access-list extended {name}-in\n remark what {name} may reach\n"
    f" permit tcp 10.{10 + number}.0.0 0.0.0.255 any eq 443\n"
    f" permit udp 10.{10 + number}.0.0 0.0.0.255 host 10.0.0.53 eq domain\n"
    f" permit icmp 10.{10 + number}.0.0 0.0.0.255 any\n deny ip any any log\n!\n"
    for number, name in enumerate(("core", "branch", "dmz", "voice"), 1)
)

EDGE = f"""hostname edge1
service timestamps log datetime msec
service password-encryption
enable secret 9 {EDGE_SECRETS[4]}
username operator privilege 15 secret 9 {EDGE_SECRETS[5]}
username backup privilege 1 password 7 {EDGE_SECRETS[2]}
ip domain-name example.org
ip name-server 10.0.0.53
vlan 10
 name users
!
vlan 20
 name servers
!
interface Loopback0
 description router id
 ip address 192.0.2.1 255.255.255.255
!
interface GigabitEthernet0/0
 description uplink to the carrier
 ip address 198.51.100.2 255.255.255.252
 ip access-group from-carrier in
!
{_INTERFACES}interface GigabitEthernet0/5
 description not used
 shutdown
!
router ospf 1
 router-id 192.0.2.1
 passive-interface GigabitEthernet0/0
 network 10.0.0.0 0.255.255.255 area 0
!
router bgp 64496
 neighbor 198.51.100.1 remote-as 64497
 neighbor 198.51.100.1 description carrier
 network 203.0.113.0 mask 255.255.255.0
!
ip route 0.0.0.0 0.0.0.0 198.51.100.1
ip route 203.0.113.0 255.255.255.0 10.13.0.2
{_ACCESS_LISTS}ip access-list extended from-carrier
 remark CANARY-EXITKIT-ACL planted before the export
 permit tcp any host 203.0.113.10 eq 443
 permit tcp host 198.51.100.1 host 198.51.100.2 eq bgp
 deny ip any any log
!
access-list 10 permit 10.0.0.0 0.0.255.255
access-list 10 deny any
snmp-server community {EDGE_SECRETS[0]} RO 10
snmp-server community {EDGE_SECRETS[1]} RW 10
snmp-server location hall 2, rack 7
snmp-server contact network operations
tacacs-server host 10.0.0.49 key {EDGE_SECRETS[3]}
ntp authentication-key 1 md5 {EDGE_SECRETS[6]}
ntp server 10.0.0.123
logging host 10.0.0.51
line vty 0 4
 access-class 10 in
 exec-timeout 10 0
 transport input ssh
!
"""

SPARE = """hostname spare
ip domain-name spare.example.org
interface Loopback99
 description was here before
 ip address 192.0.2.99 255.255.255.255
!
snmp-server location store room
"""


def edge1() -> IosState:
    """Return the router that is in service: routes, access lists, secrets, a canary."""
    return IosState.of(EDGE, licenses=tuple(EDGE_LICENSES.items()), serial=EDGE_SERIAL)


def spare() -> IosState:
    """Return the router that stands ready, with something on it that was there already."""
    return IosState.of(SPARE, serial=SPARE_SERIAL)
