Console.WriteLine("david");
