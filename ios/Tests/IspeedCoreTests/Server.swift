// A simulator starts no process: there the models are tested with the fake engine only.
#if os(Linux) || os(macOS)
    import Foundation
    import XCTest

    /// A real `ispeed serve` in its own process on loopback.
    final class Server {
        let url: String
        let data: URL
        private let process: Process
        private static let startSeconds = 60

        /// `$ISPEED_PROGRAM`, the debug program of `cargo xtask ios`. Without it these tests would pass by not running.
        static func program() throws -> URL {
            let path = ProcessInfo.processInfo.environment["ISPEED_PROGRAM"]
            return URL(fileURLWithPath: try XCTUnwrap(path, "ISPEED_PROGRAM is not set: run `cargo xtask ios`"))
        }

        /// What a link carries down and up, Mbit/s with headers, and its round trip in ms: an ordinary 4G cell.
        private static let link = "40/20/40"

        /// `listen`: an address with port 0 takes a free one. `overLink`: reached over a link of a known rate, on which a run
        /// lasts seconds; on loopback alone it may be over before a test gets to do anything about it.
        init(data: URL, listen: String = "127.0.0.1:0", overLink: Bool = false) throws {
            let process = Process()
            process.executableURL = try Self.program()
            process.arguments = ["serve", "--data", data.path, "--self-signed"]
            // The link is reached at the address the server gives as its own.
            process.arguments! +=
                overLink
                ? ["--link", Self.link, "--public-name", "127.0.0.1", "--listen", "127.0.0.2:0"] : ["--listen", listen]
            let log = Pipe()
            process.standardError = log
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            let lines = Lines(log.fileHandleForReading)
            guard let line = lines.first(within: Self.startSeconds, where: { $0.contains("public page ") }),
                let from = line.range(of: "public page ")?.upperBound
            else {
                process.terminate()
                throw BadFixture(description: "the server did not start: \(lines.all)")
            }
            url = line[from...].trimmingCharacters(in: .whitespaces)
            self.data = data
            self.process = process
        }

        var certificate: String {
            get throws { try String(contentsOf: data.appendingPathComponent("cert.pem"), encoding: .utf8) }
        }

        var address: String { String(url.dropFirst("https://".count).prefix { $0 != "/" }) }

        func stop() {
            guard process.isRunning else { return }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        /// Whether the program `ispeed` ends well with these words.
        static func run(_ words: String...) throws -> Bool {
            let process = Process()
            process.executableURL = try program()
            process.arguments = words
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationReason == .exit && process.terminationStatus == 0
        }
    }

    /// Lines of a pipe, read to its end by a thread of their own, so that who writes them never waits.
    private final class Lines: @unchecked Sendable {
        private let condition = NSCondition()
        private var lines: [String] = []

        init(_ handle: FileHandle) {
            Thread.detachNewThread { [self] in
                var rest = Data()
                while case let chunk = handle.availableData, !chunk.isEmpty {
                    rest.append(chunk)
                    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
                        rest = Data(rest[rest.index(after: end)...])
                        condition.lock()
                        lines.append(line)
                        condition.broadcast()
                        condition.unlock()
                    }
                }
            }
        }

        var all: [String] {
            condition.lock()
            defer { condition.unlock() }
            return lines
        }

        func first(within seconds: Int, where fits: (String) -> Bool) -> String? {
            let deadline = Date(timeIntervalSinceNow: TimeInterval(seconds))
            condition.lock()
            defer { condition.unlock() }
            while true {
                if let line = lines.first(where: fits) { return line }
                if !condition.wait(until: deadline) { return lines.first(where: fits) }
            }
        }
    }
#endif
