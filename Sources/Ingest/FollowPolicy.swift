/// How a stream is followed: the numbers behind ``StreamFollower``.
package struct FollowPolicy: Hashable, Sendable {
    /// False for a backfill: nothing is subscribed to.
    package var isFollowing = true
    /// How far back the first start looks; older history is a backfill that the operator orders.
    package var lookbackSeconds: Int64 = 30 * 86_400
    /// Events asked for at once. Most relays cap at 500 or more.
    package var pageLimit = 500
    /// Windows of one stream that are asked for at the same time: while one page is verified the relay makes the next.
    package var fetchesMax = 2
    package var windowSecondsFirst: Int64 = 86_400
    package var windowSecondsMin: Int64 = 60
    package var windowSecondsMax: Int64 = 400 * 86_400
    /// A window that took more pages is followed by a narrower one.
    package var windowPagesMax = 16
    /// Looked at again after every connection: relays accept events that are minutes old.
    package var overlapShort: Int64 = 15 * 60
    /// Looked at again when the daemon starts and every `lookDeepEvery`: authors publish what they wrote days ago.
    package var overlapDeep: Int64 = 3 * 86_400
    package var lookEvery: Duration = .seconds(300)
    package var lookDeepEvery: Duration = .seconds(6 * 3_600)
    /// `live` coverage stays this far behind: a relay may take that long to pass on what it accepted.
    package var graceSeconds: Int64 = 10
    /// `live` coverage grows in steps of at least this size: each is a row to write.
    package var liveStepSeconds: Int64 = 10
    package var retryFirst: Duration = .seconds(1)
    package var retryLimit: Duration = .seconds(300)
    /// Requests in a row without an answer before the connection is given up.
    package var timeoutsMax = 3
    package var refusedFor: Duration = .seconds(900)

    package init() {}
}
