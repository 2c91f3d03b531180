// SPDX-License-Identifier: MIT
// Driver ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP...: a TLS peer on JSSE; see grammar.py for the steps.
// CERT is a PKCS #12 file here, without KEY; CA one with the authority.

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

class Driver {
    static byte[] data;
    static int sent;
    static long received;
    static OutputStream got;

    static KeyStore store(String path) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(path)) {
            store.load(file, "adieu!".toCharArray());
        }
        return store;
    }

    static SSLContext context(String ca, String identity) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store(ca));
        KeyManagerFactory keys = null;
        if (!identity.equals("-")) {
            keys = KeyManagerFactory.getInstance("PKIX");
            keys.init(store(identity), "adieu!".toCharArray());
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys == null ? null : keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    static Socket plain(boolean server, int port) throws IOException {
        if (!server)
            return new Socket(InetAddress.getLoopbackAddress(), port);
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            System.out.println("port " + listener.getLocalPort());
            return listener.accept();
        }
    }

    static boolean hear(InputStream in, long limit) throws IOException {
        byte[] buffer = new byte[65536];
        while (received < limit) {
            int n = in.read(buffer);
            if (n < 0)
                return true;
            got.write(buffer, 0, n);
            received += n;
        }
        return false;
    }

    static void perform(String step, SSLSocket secure, Socket raw) throws Exception {
        String[] words = step.split(":");
        int count = words.length > 1 ? Integer.parseInt(words[1]) : 0;
        switch (words[0]) {
        case "send", "reply" -> {
            secure.getOutputStream().write(data, sent, count);
            sent += count;
        }
        case "recv" -> hear(secure.getInputStream(), count);
        case "read" -> {
            if (hear(secure.getInputStream(), Long.MAX_VALUE))
                System.out.println("end read() says -1");
        }
        case "stall" -> Thread.sleep(count);
        case "half" -> secure.shutdownOutput();
        case "close" -> secure.close();
        case "cut" -> raw.close();
        case "reset" -> {
            raw.setSoLinger(true, 0);
            raw.close();
        }
        }
    }

    static void play(String[] args) throws Exception {
        boolean server = args[0].equals("server");
        data = Files.readAllBytes(Path.of(args[7]));
        got = new FileOutputStream(args[8]);
        SSLContext context = context(args[3], args[4]);
        Socket raw = plain(server, Integer.parseInt(args[1]));
        SSLSocket secure = (SSLSocket) context.getSocketFactory().createSocket(raw, "localhost", raw.getPort(), true);
        SSLParameters parameters = secure.getSSLParameters();
        parameters.setProtocols(new String[] {"TLSv" + args[2]});
        parameters.setNeedClientAuth(args[6].equals("ask"));
        if (!server)
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secure.setSSLParameters(parameters);
        secure.setUseClientMode(!server);
        secure.startHandshake();
        for (int i = 9; i < args.length; i++)
            perform(args[i], secure, raw);
    }

    public static void main(String[] args) {
        try {
            play(args);
        } catch (Exception problem) {
            System.out.println("failed " + problem);
        }
        System.exit(0);
    }
}
