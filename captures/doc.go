// Package captures reads and writes capture files.
//
// Reading goes step by step, each in a file of its own:
//
//	merge      the files of a run as one, in the order of their packets
//	source     a file's packets: pcap, pcapng or snoop, perhaps compressed
//	packet     a packet's headers off, down to TCP, whatever stands within what:
//	           link, ppp, wifi, tunnel, ip; fragments of IP packets
//	table      which connection it belongs to; which are idle, done, too many
//	timers     when missing bytes are given up
//	connection where a connection begins and ends, and who the client is
//	reset      what comes behind a RST
//	half       one direction: sequence numbers to offsets, holes, the FIN
//	first      what was seen first of bytes that are sent again; remark tells
//	           where that was something else
//	assembler  bytes in order, by gopacket's reassembly
//	detect     whether they are MSNP; held keeps them until that is known
//	gateway    or MSNP within HTTP, which httpstream cuts into messages
//	order      their records, sorted
//
// What comes out goes to one decode.Session per connection, just as in the
// live proxy (or per session of the gateway, over whatever connections it goes): bytes, gaps and ends in the order in which they were captured,
// with the times of their packets. Everything that a file can claim or a
// stranger can send is bounded by a constant that says why.
package captures
