import CMemory

/// The memory of a process that moves events from thread to thread.
package enum ProcessHeap {
    /// Lets the allocator have one arena a core, where it would open up to eight.
    ///
    /// What is freed returns to the arena it came from. An event is allocated by whichever thread runs its relay and freed
    /// by the writer's, so every further arena holds a share of what is idle: with ten relays 7 MiB, for nothing.
    package static func boundArenas() {
        bound_arenas(Int32(BatchVerifier.cores))
    }
}
