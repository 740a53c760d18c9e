import Nostr
import Testing

@testable import RelayClient

struct AddressGuardTests {
    @Test(arguments: [
        ("0.0.0.0/8", ["0.0.0.0", "0.255.255.255"]),
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"]),
        ("100.64.0.0/10", ["100.64.0.0", "100.127.255.255"]),
        ("127.0.0.0/8", ["127.0.0.1", "127.255.255.255"]),
        ("169.254.0.0/16", ["169.254.169.254", "169.254.0.0", "169.254.255.255"]),
        ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"]),
        ("192.0.0.0/24", ["192.0.0.0", "192.0.0.255"]),
        ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255"]),
        ("192.88.99.0/24", ["192.88.99.0", "192.88.99.255"]),
        ("192.168.0.0/16", ["192.168.0.132", "192.168.255.255"]),
        ("198.18.0.0/15", ["198.18.0.0", "198.19.255.255"]),
        ("198.51.100.0/24", ["198.51.100.0", "198.51.100.255"]),
        ("203.0.113.0/24", ["203.0.113.0", "203.0.113.255"]),
        ("224.0.0.0/4", ["224.0.0.1", "239.255.255.255"]),
        ("240.0.0.0/4", ["240.0.0.0", "255.255.255.255"]),
        ("::/128", ["::"]),
        ("::1/128", ["::1"]),
        ("100::/64", ["100::", "100::ffff:ffff:ffff:ffff"]),
        ("64:ff9b:1::/48", ["64:ff9b:1::", "64:ff9b:1:ffff::808:808"]),
        ("2001::/23", ["2001::", "2001:1ff:ffff::", "2001:0:5ef5:79fd::1"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"]),
        ("3fff::/20", ["3fff::", "3fff:fff:ffff::1"]),
        ("5f00::/16", ["5f00::1"]),
        ("fc00::/7", ["fc00::", "fdff:ffff::1"]),
        ("fe80::/10", ["fe80::1", "febf:ffff::1"]),
        ("fec0::/10", ["fec0::1", "feff::1"]),
        ("ff00::/8", ["ff00::", "ff02::1", "ffff::"]),
        ("outside 2000::/3", ["::7f00:1", "::2", "64:ff9b:0:1::808:808", "1fff::1", "4000::1", "a000::1"]),
        ("127.0.0.0/8 in ::ffff:0:0/96", ["::ffff:127.0.0.1"]),
        ("10.0.0.0/8 in ::ffff:0:0/96", ["::ffff:10.1.2.3"]),
        ("169.254.0.0/16 in 64:ff9b::/96", ["64:ff9b::169.254.169.254"]),
        ("192.168.0.0/16 in 64:ff9b::/96", ["64:ff9b::c0a8:1"]),
        ("10.0.0.0/8 in 2002::/16", ["2002:a00:1::1", "2002:aff:ffff:1:2:3:4:5"]),
        ("127.0.0.0/8 in 2002::/16", ["2002:7f00:1::"]),
    ])
    func `every refused range of 16_1 is refused to its ends, S01 and S03`(range: String, addresses: [String]) throws {
        for text in addresses {
            let address = try #require(IPAddress(text))
            #expect(AddressGuard().refusal(of: address) == range, "\(text)")
            #expect(AddressGuard(allowsEverything: true).refusal(of: address) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255",
        "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
        "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "2001:200::", "2001:4860:4860::8888",
        "2001:db7:ffff::1", "2001:db9::1", "2003::1", "2606:4700::1111", "3ffe:ffff::1", "3fff:1000::1",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
    ])
    func `their neighbours are not`(text: String) throws {
        #expect(AddressGuard().refusal(of: try #require(IPAddress(text))) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
        ("::2", false), ("10.0.0.1", false), ("::ffff:10.0.0.1", false), ("fe80::1", false),
    ])
    func `loopback is known in every form`(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == isLoopback)
    }

    @Test(arguments: [
        (443, true), (80, true), (1_024, true), (7_777, true), (65_535, true), (22, false), (25, false), (81, false),
        (1_023, false), (0, false), (65_536, false), (5_432, false), (6_379, false), (2_375, false), (3_306, false),
        (6_443, false), (9_200, false), (10_250, false), (11_211, false), (27_017, false), (6_667, false),
        (10_080, false), (1_433, false), (1_521, false), (2_376, false), (2_379, false), (3_389, false), (5_900, false),
    ])
    func `ports of databases and control planes are refused`(port: Int, isUsual: Bool) {
        #expect(AddressGuard.isUsualPort(port) == isUsual)
    }

    @Test(arguments: [
        ("wss://relay.example", true, true), ("wss://relay.example:7777", true, true),
        ("ws://relay.example", false, true),
        ("wss://8.8.8.8", false, true), ("wss://[2001:4860::1]", false, true), ("wss://relay.example:22", false, false),
        ("wss://relay.example:5432", false, false), ("wss://printer.local", false, false),
        ("ws://abc.onion", false, false), ("wss://abc.onion", false, false),
    ])
    func `a hint may name less than an operator, S04`(text: String, asHint: Bool, asConfigured: Bool) throws {
        let url = try #require(RelayURL(text))
        #expect(self.allows(AddressGuard(isHint: true), url) == asHint)
        #expect(self.allows(AddressGuard(), url) == asConfigured)
        #expect(self.allows(AddressGuard(allowsEverything: true), url))
    }

    private func allows(_ addressGuard: AddressGuard, _ url: RelayURL) -> Bool {
        (try? addressGuard.judge(url)) != nil
    }
}
