/// What an event may cost before it is refused. The numbers are decided in `nips.md` 7 (n) of the design.
package struct EventLimits: Hashable, Sendable {
    /// Serialised bytes of one event. Real contact lists and articles exceed 64 KiB; the largest seen has 230 kB.
    package var eventBytesMax = 512 * 1024
    /// Real contact lists reach several thousand tags.
    package var tagsMax = 10_000
    /// Seconds that `created_at` may lie ahead of our clock.
    package var futureSecondsMax: Int64 = 900

    package init() {}
}
