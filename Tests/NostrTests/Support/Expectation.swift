import Testing

/// Checks that `found` has the members of `expected`, with their values byte by byte, and no others but `checked`.
func expect(
    _ found: KeyValuePairs<String, ReferenceJSON>, equals expected: ReferenceJSON, besides checked: Set<String> = []
) {
    guard case .object(let members) = expected else {
        Issue.record("the case expects no object")
        return
    }
    let names = Set(members.map { String(decoding: $0.name, as: UTF8.self) }).subtracting(checked)
    #expect(Set(found.map(\.key)) == names)
    for (name, value) in found {
        let (found, stated) = (value.stringified, expected[name]?.stringified ?? [])
        #expect(
            found == stated,
            "\(name) is \(String(decoding: found, as: UTF8.self)), not \(String(decoding: stated, as: UTF8.self))")
    }
}
