import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The most of an answer that the core looks at.
public let mostAnswerBytes = 64 * 1024

/// A server that says nothing for so long has not taken the sample.
private let uploadTimeoutSeconds: TimeInterval = 60

private let httpsPort = 443

extension URLRequest {
    /// The request of an upload, without its body; `nil` for anything but HTTPS.
    public init?(_ upload: UploadRequest) {
        guard let url = URL(string: upload.url), url.scheme == "https" else { return nil }
        self.init(url: url, cachePolicy: .reloadIgnoringLocalAndRemoteCacheData, timeoutInterval: uploadTimeoutSeconds)
        httpMethod = upload.method
        for header in upload.headers {
            setValue(header.value, forHTTPHeaderField: header.name)
        }
    }

    /// Whether this request is for that server, as a TLS challenge names it.
    public func isFor(host: String, port: Int) -> Bool {
        guard let server = url?.server else { return false }
        return server == Server(host: host, port: port)
    }
}

/// Who is spoken to: the name in lower case, an IPv6 address without its brackets.
private struct Server: Equatable {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        self.port = port
    }
}

extension URL {
    /// `nil` for anything but HTTPS.
    fileprivate var server: Server? {
        guard scheme?.lowercased() == "https", let name = host(percentEncoded: true) else { return nil }
        return Server(host: name, port: port ?? httpsPort)
    }

    /// Whether it is the same place, however it is spelt.
    fileprivate func isSamePlace(as other: URL) -> Bool {
        server != nil && server == other.server && path == other.path
    }
}

extension UploadAnswer {
    /// A redirect, to be reported as what it is and not as what answered behind it. Which of the redirects it was a background
    /// session does not say; of those that keep a `PUT` this is the passing one.
    public static func redirected(to place: String) -> UploadAnswer {
        .http(code: 307, headers: [Header(name: "location", value: place)], body: Data())
    }

    /// What a session says at the end of a task that was to go to `asked`. An answer from elsewhere was redirected.
    public init(asked: URL?, response: URLResponse?, body: Data, error: (any Error)?) {
        if let asked, let from = response?.url, !from.isSamePlace(as: asked) {
            self = .redirected(to: from.absoluteString)
        } else if let response = response as? HTTPURLResponse {
            let headers = response.allHeaderFields.compactMap { name, value in
                (name as? String).map { Header(name: $0, value: String(describing: value)) }
            }
            self = .http(code: response.statusCode, headers: headers, body: body.prefix(mostAnswerBytes))
        } else {
            self = .failed(NetworkFailure(error))
        }
    }
}

extension NetworkFailure {
    /// The core's word for an error of a session.
    public init(_ error: (any Error)?) {
        switch (error as? URLError)?.code {
        case .notConnectedToInternet, .dataNotAllowed, .internationalRoamingOff, .callIsActive: self = .noNetwork
        case .cannotFindHost, .dnsLookupFailed: self = .dns
        case .cannotConnectToHost: self = .connect
        case .timedOut: self = .timeout
        case .networkConnectionLost: self = .cut
        case .secureConnectionFailed, .serverCertificateHasBadDate, .serverCertificateUntrusted,
            .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid, .clientCertificateRejected,
            .clientCertificateRequired:
            self = .tls
        default: self = .other
        }
    }
}
