import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command line tools one after another in one JVM, which is warm from the second on.
 *
 * <p>A line that comes in: class, standard input and arguments, each in base64, split by blanks. A line
 * that goes out: exit code, standard output and standard error. What a tool does at its end (exit,
 * shutdown hooks) happens as it would in a JVM of its own.
 */
public final class ToolServer {
    /** Thrown where a tool would end its JVM; some tools catch it, so it is not what tells the code. */
    private static final class Ended extends Error {
        Ended() {
            super(null, null, false, false);
        }
    }

    /** A stream that can be pointed elsewhere: Scala keeps the one that it saw first for ever. */
    private static final class Target extends OutputStream {
        volatile OutputStream to = OutputStream.nullOutputStream();

        @Override
        public void write(int one) throws IOException {
            to.write(one);
        }

        @Override
        public void write(byte[] some, int from, int length) throws IOException {
            to.write(some, from, length);
        }
    }

    private static final Target OUT = new Target();
    private static final Target ERRORS = new Target();
    private static final List<Runnable> HOOKS = new ArrayList<>();
    private static Integer exitCode;

    public static void main(String[] ignored) throws Exception {
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream answers = System.out;
        System.setOut(new PrintStream(OUT, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(ERRORS, true, StandardCharsets.UTF_8));
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        Exit.setShutdownHookAdder((name, hook) -> HOOKS.add(hook));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            answers.println(answer(line.split(" ")));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    /** The first exit of a tool is its end: what it writes afterwards nobody would have seen. */
    private static synchronized void end(int code) {
        if (exitCode == null) {
            exitCode = code;
            point(OutputStream.nullOutputStream(), OutputStream.nullOutputStream());
        }
        throw new Ended();
    }

    private static String answer(String[] call) {
        String[] words = Arrays.stream(call).map(ToolServer::decoded).toArray(String[]::new);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        point(out, errors);
        System.setIn(new ByteArrayInputStream(words[1].getBytes(StandardCharsets.UTF_8)));
        exitCode = null;
        int code = run(words[0], Arrays.copyOfRange(words, 2, words.length));
        point(out, errors);
        HOOKS.forEach(Runnable::run);
        HOOKS.clear();
        return code + " " + encoded(out) + " " + encoded(errors);
    }

    private static int run(String tool, String[] arguments) {
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException failed) {
            if (!(failed.getCause() instanceof Ended)) {
                failed.getCause().printStackTrace();
                return 1;
            }
        } catch (ReflectiveOperationException unknown) {
            unknown.printStackTrace();
            return 1;
        }
        return exitCode == null ? 0 : exitCode;
    }

    private static void point(OutputStream out, OutputStream errors) {
        System.out.flush();
        System.err.flush();
        OUT.to = out;
        ERRORS.to = errors;
    }

    private static String decoded(String text) {
        return new String(Base64.getDecoder().decode(text.substring(1)), StandardCharsets.UTF_8);
    }

    private static String encoded(ByteArrayOutputStream bytes) {
        return "=" + Base64.getEncoder().encodeToString(bytes.toByteArray());
    }
}
