import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class MintToken {
    static byte[] sign(byte[] secret, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        return mac.doFinal(text.getBytes("UTF-8"));
    }

    static String encode(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    public static void main(String[] args) throws Exception {
        String key = System.getenv("NEARFIELD_KEY");
        long now = System.currentTimeMillis() / 1000;
        String header = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" + key.substring(6, 22) + "\"}";
        String claims = "{\"iat\":" + now + ",\"exp\":" + (now + 900)
            + ",\"scopes\":[\"search\"],\"principals\":[\"user:42\"],\"sub\":\"user:42\"}";
        String signed = encode(header.getBytes("UTF-8")) + "." + encode(claims.getBytes("UTF-8"));
        System.out.println(signed + "." + encode(sign(sign(key.getBytes("UTF-8"), "nearfield-token-v1"), signed)));
    }
}
