import Foundation
import Security

/// Certificates trusted beside the system's roots, for a collector of one's own.
struct ExtraTrust: @unchecked Sendable {
    private let anchors: [SecCertificate]

    /// `pem`: one or more certificates.
    init(pem: String) throws {
        let blocks = pem.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst()
        anchors = try blocks.map { block in
            let text = block.components(separatedBy: "-----END CERTIFICATE-----")[0]
            guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters),
                let certificate = SecCertificateCreateWithData(nil, data as CFData)
            else { throw CocoaError(.fileReadCorruptFile) }
            return certificate
        }
    }

    /// Whether the chain of a server ends in the system's roots or in one of these. Its name is checked as ever.
    func holds(for server: SecTrust) -> Bool {
        SecTrustSetAnchorCertificates(server, anchors as CFArray)
        SecTrustSetAnchorCertificatesOnly(server, false)
        return SecTrustEvaluateWithError(server, nil)
    }
}
