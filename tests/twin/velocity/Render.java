// Templates, one to a line of standard input in base64, rendered by Apache Velocity 1.7; for each a line "OK text" or
// "NO reason", both in base64. The engine is set up as the service shows it: a reference without value gives "",
// and a #foreach ends after 1,000 iterations.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;
import org.apache.velocity.app.event.EventCartridge;
import org.apache.velocity.app.event.InvalidReferenceEventHandler;
import org.apache.velocity.context.Context;
import org.apache.velocity.util.introspection.Info;

public class Render {
    static class Empty implements InvalidReferenceEventHandler {
        public Object invalidGetMethod(Context c, String reference, Object o, String property, Info i) { return ""; }
        public boolean invalidSetMethod(Context c, String left, String right, Info i) { return false; }
        public Object invalidMethod(Context c, String reference, Object o, String method, Info i) { return ""; }
    }

    static List<Object> list(Object... items) { return new ArrayList<Object>(Arrays.asList(items)); }

    static Map<String, Object> map(Object... items) {
        Map<String, Object> found = new LinkedHashMap<String, Object>();
        for (int at = 0; at < items.length; at += 2) found.put((String) items[at], items[at + 1]);
        return found;
    }

    // The same values as VALUES of test_vtl_velocity.py.
    static VelocityContext context() {
        VelocityContext c = new VelocityContext();
        c.put("a", "A");
        c.put("s", "hello world");
        c.put("i", 5);
        c.put("n", -3);
        c.put("big", 3000000000L);
        c.put("d", 2.5);
        c.put("t", true);
        c.put("f", false);
        c.put("e", "");
        c.put("l", list(1, 2, 3));
        c.put("w", list("x", "y"));
        c.put("m", map("b", "B", "k", 7, "m", map("x", "deep"), "l", list(4, 5)));
        EventCartridge events = new EventCartridge();
        events.addEventHandler(new Empty());
        events.attachToContext(c);
        return c;
    }

    public static void main(String[] arguments) throws Exception {
        VelocityEngine engine = new VelocityEngine();
        engine.setProperty("runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
        engine.setProperty("velocimacro.permissions.allow.inline.local.scope", "true");
        engine.setProperty("directive.foreach.maxloops", "1000");
        engine.init();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        String line;
        for (int number = 0; (line = in.readLine()) != null; number++) {
            String template = new String(Base64.getDecoder().decode(line), "UTF-8");
            StringWriter writer = new StringWriter();
            String answer;
            try {
                engine.evaluate(context(), writer, "t" + number, template);
                answer = "OK " + encoded(writer.toString());
            } catch (Throwable problem) {
                answer = "NO " + encoded(problem.getClass().getSimpleName() + ": " + problem.getMessage());
            }
            out.println(answer);
        }
        out.flush();
    }

    static String encoded(String text) throws Exception {
        return Base64.getEncoder().encodeToString(text.getBytes("UTF-8"));
    }
}
