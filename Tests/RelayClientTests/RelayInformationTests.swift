import NIOCore
import Nostr
import Testing

@testable import RelayClient

/// NIP-11, the cases of nips.md section 3.1.
struct RelayInformationTests {
    private func parse(_ text: String) -> RelayInformation { RelayInformation(parsing: Array(text.utf8).span) }

    @Test func `an empty document gives the defaults, 11-1`() {
        var expected = RelayInformation()
        expected.isPresent = true
        #expect(self.parse("{}") == expected)
    }

    @Test(arguments: [#"{"supported_nips":[1,77,"5A",null]}"#, #"{"supported_nips":["1",77,"5A",null,-1,1.5,[2]]}"#])
    func `numbers are read from the list, and the list is kept, 11-2`(text: String) {
        let information = self.parse(text)
        #expect(information.supportedNIPs == [1, 77])
        #expect(information.supportedNIPsAsWritten.count >= 4)
        #expect(information.supportedNIPsAsWritten.contains(.string("5A")))
    }

    @Test(arguments: [
        #"{"limitation":null}"#, #"{"limitation":[]}"#, #"{"limitation":"none"}"#,
        #"{"limitation":{"max_limit":-1,"max_subscriptions":0,"default_limit":"many","auth_required":"maybe"}}"#,
        #"{"limitation":{"max_limit":1e3,"max_message_length":99999999999999999999,"max_subid_length":{}}}"#,
    ])
    func `a limitation that is none gives the defaults, 11-3`(text: String) {
        let information = self.parse(text)
        #expect(information.isPresent)
        #expect(information.limitation == RelayInformation.Limitation())
    }

    @Test func `numbers as strings are numbers, 11-4`() {
        #expect(self.parse(#"{"limitation":{"max_limit":"500"}}"#).limitation.maxLimit == 500)
    }

    @Test(arguments: ["", "<html><body>relay</body></html>", "404", "[]", "null", "{", #"{"name":"x"} trailing"#])
    func `what is no document is absent, 11-5`(text: String) {
        #expect(self.parse(text) == .absent)
    }

    @Test func `the document of NIP-11 is read, 11-6`() {
        let information = self.parse(
            """
            {
              "name": "JellyFish", "description": "Stay Immortal!", "banner": "https://image.example/b.png",
              "pubkey": "bf2bee5281149c7c350f5d12ae32f514c7864ff10805182f4178538c2c421007", "contact": "hi@example.com",
              "supported_nips": [1, 2, 4, 9, 11, 12, 15, 16, 20, 22, 28, 33, 40],
              "software": "https://github.com/example/jellyfish", "version": "1.0.0",
              "limitation": {
                "max_message_length": 16384, "max_subscriptions": 300, "max_limit": 5000, "max_subid_length": 100,
                "max_event_tags": 100, "max_content_length": 8196, "min_pow_difficulty": 30, "auth_required": true,
                "payment_required": true, "restricted_writes": true, "created_at_lower_limit": 31536000,
                "created_at_upper_limit": 3, "default_limit": 500, "max_filters": 10
              },
              "retention": [{"kinds": [0, 1, [5, 7], [40, 49]], "time": 3600}], "relay_countries": ["CA", "US"],
              "language_tags": ["en", "en-419"], "tags": ["sfw-only"], "posting_policy": "https://example.com",
              "payments_url": "https://my-relay/payments",
              "fees": {"admission": [{"amount": 1000000, "unit": "msats"}], "publication": [{"kinds": [4], "amount": 100}]},
              "icon": "https://nostr.build/i/5386b44135a27d62.jpg", "negentropy": 1
            }
            """)
        #expect(information.name == "JellyFish")
        #expect(information.version == "1.0.0")
        #expect(information.software == "https://github.com/example/jellyfish")
        #expect(information.pubkey?.description == "bf2bee5281149c7c350f5d12ae32f514c7864ff10805182f4178538c2c421007")
        #expect(information.supportedNIPs.first == 1 && information.supportedNIPs.last == 40)
        #expect(information.negentropy == 1)
        var limitation = RelayInformation.Limitation()
        limitation.maxMessageLength = 16_384
        limitation.maxSubscriptions = 300
        limitation.maxLimit = 5_000
        limitation.defaultLimit = 500
        limitation.maxSubscriptionIDLength = 100
        limitation.maxFilters = 10
        limitation.authRequired = true
        limitation.paymentRequired = true
        #expect(information.limitation == limitation)
    }

    @Test func `an npub is no public key, and the rest is kept, 11-8`() {
        let information = self.parse(
            #"{"pubkey":"npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6","name":7,"version":"2"}"#)
        #expect(information.isPresent)
        #expect(information.pubkey == nil)
        #expect(information.name == nil)
        #expect(information.version == "2")
    }
}
