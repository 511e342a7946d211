/// Which wsbroker this is.
public enum BrokerVersion {
    public static let number = "0.1.0"
    /// How it introduces itself to clients.
    static let product = "wsbroker/\(Self.number)"
}
