/// Messages and fields that are right, for tests that damage them.
enum RequestCases {
    /// One message of each operation, together with all fields.
    static let messages = [
        #"{"op":"hello","v":1,"token":"a.b.c","client":"wspub/1.0","producer":{"name":"m-17","epoch":70,"acked":4}}"#,
        #"{"op":"sub","id":1,"topic":"clicks/+/#","mode":"latest","maxRate":10.5,"echo":false,"retained":true}"#,
        #"{"op":"sub","id":"\u00e9","topic":"a","mode":"all","since":{"epoch":"k3","offset":17}}"#,
        #"{"op":"unsub","id":2,"topic":"clicks"}"#,
        #"{"op":"pub","id":3,"topic":"clicks","data":6}"#,
        #"{"op":"pub","seq":1044,"topic":"to\u0070ic","data":{"a":[1,-2.5e3,"\"\\",null,true]}}"#,
        #"{"op":"pub","id":4,"once":"order-8812","topic":"orders","data":1,"retain":true}"#,
        #" { "op" : "pub" , "to\u0070ic" : "é/😀" , "data" : "text \ud83d\ude00" }"#,
        #"{"op":"get","id":5,"topic":"clicks"}"#,
        #"{"op":"reset","id":6,"topic":"clicks"}"#,
        #"{"op":"ping","id":7}"#,
    ]

    /// Every field with a value that is right.
    static let fields = [
        ("op", #""ping""#), ("id", "1"), ("topic", #""a""#), ("data", "1"), ("retain", "true"), ("seq", "1"),
        ("once", #""o""#), ("mode", #""all""#), ("maxRate", "1"), ("echo", "false"), ("retained", "false"),
        ("since", #"{"epoch":"k","offset":1}"#), ("v", "1"), ("token", #""t""#), ("client", #""c""#),
        ("producer", "{}"),
    ]
}
